// Any bytes as the files of a tokenizer: an error or a tokenizer that works, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tokenizer/tokenizer_factory.h"

namespace rerankd {
namespace {

constexpr const char* kTokenizerJson = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [{"id": 1, "content": "[SEP]", "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": true}],
  "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                 "strip_accents": null, "lowercase": true},
  "pre_tokenizer": {"type": "BertPreTokenizer"},
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
             {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"[SEP]": {"id": "[SEP]", "ids": [1], "tokens": ["[SEP]"]}}},
  "decoder": null,
  "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "[SEP]": 1, "a": 2, "##b": 3}}
})";

constexpr const char* kByteLevelBpeJson = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [{"id": 1, "content": "</s>", "single_word": false, "lstrip": true,
                    "rstrip": false, "normalized": false, "special": true}],
  "normalizer": {"type": "NFC"},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"}},
    {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
  "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0],
                     "trim_offsets": true, "add_prefix_space": false},
  "decoder": null,
  "model": {"type": "BPE", "dropout": null, "unk_token": "<s>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": true,
            "ignore_merges": false, "vocab": {"<s>": 0, "</s>": 1, "a": 2, "b": 3, "ab": 4, "aba": 5},
            "merges": ["a b", ["ab", "a"]]}
})";

constexpr const char* kUnigramJson = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [{"id": 5, "content": "<mask>", "single_word": false, "lstrip": true,
                    "rstrip": false, "normalized": false, "special": true}],
  "normalizer": {"type": "Sequence", "normalizers": [
    {"type": "Replace", "pattern": {"String": "``"}, "content": "\""}, {"type": "NFKC"},
    {"type": "Strip", "strip_left": true, "strip_right": true}, {"type": "Prepend", "prepend": "_"}]},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
    {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": true}]},
  "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0],
                     "trim_offsets": true, "add_prefix_space": false},
  "decoder": null,
  "model": {"type": "Unigram", "unk_id": 2, "byte_fallback": true,
            "vocab": [["<s>", 0], ["</s>", 0], ["<unk>", 0], ["_", -1.5], ["a", -2e0]]}
})";

constexpr const char* kVocabJson =
    R"({"<s>": 0, "</s>": 1, "<unk>": 2, "<pad>": 3, "<mask>": 4, "a": 5, "b": 6, "ab": 7})";

void Try(const TokenizerFiles& files) {
  const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(files);
  if (!tokenizer.ok()) {
    if (tokenizer.status().message().empty()) std::abort();
    return;
  }
  const std::string_view text = "ab [SEP] \u4E2D\u00C9\u302E a,b x";
  for (const int32_t id : (*tokenizer)->Tokenize(text).ids) {
    if (id < 0 || static_cast<size_t>(id) >= (*tokenizer)->id_bound()) std::abort();
  }
}

}  // namespace
}  // namespace rerankd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using nlohmann::json;
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:  // the whole file
      rerankd::Try({.folder = "f", .tokenizer_json = text});
      break;
    case 1: {  // a change to a good file, which gets deeper
      json root = json::parse(data[0] < 85    ? rerankd::kTokenizerJson
                              : data[0] < 170 ? rerankd::kByteLevelBpeJson
                                              : rerankd::kUnigramJson);
      root.merge_patch(json::parse(text, nullptr, /*allow_exceptions=*/false));
      if (root.is_discarded()) return 0;
      rerankd::Try({.folder = "f",
                    .tokenizer_json = root.dump(-1, ' ', false, json::error_handler_t::replace)});
      break;
    }
    case 2: {  // tokenizer_config.json, a zero byte, vocab.txt
      const size_t zero = std::min(text.find('\0'), text.size());
      const std::string rest = text.substr(std::min(zero + 1, text.size()));
      rerankd::Try({.folder = "f", .tokenizer_config = text.substr(0, zero), .vocab = rest});
      // The same for vocab.json and merges.txt.
      rerankd::Try({.folder = "f", .vocab_json = text.substr(0, zero), .merges = rest});
      rerankd::Try({.folder = "f", .vocab_json = rerankd::kVocabJson, .merges = text});
      break;
    }
    default:  // tokenizer_config.json and special_tokens_map.json beside good files
      rerankd::Try(
          {.folder = "f", .tokenizer_json = rerankd::kTokenizerJson, .tokenizer_config = text});
      rerankd::Try({.folder = "f",
                    .tokenizer_config = text,
                    .vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n",
                    .special_tokens_map = text});
      rerankd::Try({.folder = "f",
                    .tokenizer_config = text,
                    .vocab_json = rerankd::kVocabJson,
                    .merges = "a b\n"});
      rerankd::Try({.folder = "f",
                    .vocab_json = rerankd::kVocabJson,
                    .merges = "a b\n",
                    .special_tokens_map = text});
      rerankd::Try({.folder = "f",
                    .vocab_json = rerankd::kVocabJson,
                    .merges = "a b\n",
                    .added_tokens = text});
  }
  return 0;
}
