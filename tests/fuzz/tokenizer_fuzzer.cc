// Any valid UTF-8: ids are in range, stopping early yields a prefix, and `complete` is exact.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "fuzz/tokenizer_checks.h"
#include "tokenizer/wordpiece_tokenizer.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

WordPieceTokenizer::Options Variant(int number) {
  WordPieceTokenizer::Options options;
  options.vocabulary = {"[UNK]", "[SEP]", "the", "##re", "中", "é", "##\u0301", "...", "##", ""};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyz.,[]0123")) {
    options.vocabulary.emplace_back(1, c);
    options.vocabulary.push_back("##" + options.vocabulary.back());
  }
  options.added_tokens = {{.content = "[SEP]"}};
  if (number & 1) {
    options.added_tokens.push_back({.content = "New y", .normalized = true});
    options.added_tokens.push_back({.content = "中", .normalized = true});
    options.added_tokens.push_back({.content = "ab", .single_word = true, .normalized = true});
    options.added_tokens.push_back({.content = "the", .single_word = true});
  }
  if (number & 2) {
    options.normalizer.lowercase = false;
    options.normalizer.strip_accents = (number & 4) != 0;
  }
  if (number & 4) {
    options.max_word_chars = 4;
    options.normalizer.clean_text = false;
  }
  return options;
}

}  // namespace
}  // namespace rerankd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rerankd::WordPieceTokenizer;
  static const auto* const tokenizers = [] {
    auto* const made = new std::vector<std::unique_ptr<WordPieceTokenizer>>();
    for (int number = 0; number < 8; ++number) {
      made->push_back(*WordPieceTokenizer::Create(rerankd::Variant(number), "fuzz"));
    }
    return made;
  }();
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (rerankd::FindInvalidUtf8(text).has_value()) return 0;
  rerankd::CheckTokenizer(*(*tokenizers)[data[0] & 7], text);
  return 0;
}
