// Any valid UTF-8: ids are in range, stopping early yields a prefix, and `complete` is exact; and
// the beginning of any word of bytes is encoded as the word is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/tokenizer_checks.h"
#include "tokenizer/bpe_model.h"
#include "tokenizer/byte_level_bpe_tokenizer.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

// The characters of bytes, which are all in the vocabulary of every other variant.
std::vector<std::string> Alphabet(bool whole) {
  std::vector<std::string> characters;
  for (char32_t c = '!'; c < 0x144; ++c) {
    if ((c > '~' && c < 0xA1) || c == 0xAD || (!whole && (c == 'q' || c == 0xC3))) continue;
    characters.push_back(c < 0x80 ? std::string(1, static_cast<char>(c))
                                  : std::string{static_cast<char>(0xC0 | c >> 6),
                                                static_cast<char>(0x80 | (c & 0x3F))});
  }
  return characters;
}

BpeModel::Options Model(bool whole) {
  BpeModel::Options options;
  options.vocabulary = Alphabet(whole);
  options.merges = {{"t", "h"},    {"th", "e"},  {"h", "e"},  {"Ġ", "t"}, {"Ġt", "he"},
                    {"a", "a"},    {"aa", "aa"}, {"a", "b"},  {"b", "a"}, {"ab", "a"},
                    {"ba", "ba"},  {"ä", "¸"},   {"ä¸", "Ń"}, {"Ġ", "Ġ"}, {"ĠĠ", "ĠĠ"},
                    {"'", "s"},    {"1", "2"},   {"12", "3"}, {"Ċ", "Ċ"}, {"!", "!"},
                    {"aaaa", "ba"}};
  for (const auto& [left, right] : options.merges) options.vocabulary.push_back(left + right);
  return options;
}

ByteLevelBpeTokenizer::Options Variant(int number) {
  ByteLevelBpeTokenizer::Options options;
  options.model = Model((number & 1) == 0);
  if ((number & 2) != 0) options.model.unknown_token = "a";
  options.pattern = static_cast<SplitPattern>(number & 3);
  options.nfc = (number & 4) != 0;
  options.add_prefix_space = (number & 8) != 0;
  options.added_tokens = {{.content = "<mask>", .lstrip = true}, {.content = "</s>"}};
  if ((number & 8) != 0) {
    options.added_tokens.push_back({.content = "New y", .normalized = true});
    options.added_tokens.push_back({.content = "é", .rstrip = true, .normalized = true});
    options.added_tokens.push_back({.content = "ab", .single_word = true, .normalized = true});
  }
  return options;
}

void RunWord(const BpeModel& model, std::string_view word, size_t length) {
  std::vector<int32_t> ids;
  model.Encode(word, ids);
  std::vector<int32_t> beginning;
  model.EncodeBeginning(word.substr(0, length), beginning);
  Check(beginning.size() <= ids.size());
  Check(std::equal(beginning.begin(), beginning.end(), ids.begin()));
}

}  // namespace
}  // namespace rerankd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rerankd::ByteLevelBpeTokenizer;
  static const auto* const tokenizers = [] {
    auto* const made = new std::vector<std::unique_ptr<ByteLevelBpeTokenizer>>();
    for (int number = 0; number < 16; ++number) {
      made->push_back(*ByteLevelBpeTokenizer::Create(rerankd::Variant(number), "fuzz"));
    }
    return made;
  }();
  static const auto* const model =
      new rerankd::BpeModel(*rerankd::BpeModel::Create(rerankd::Model(/*whole=*/true), "fuzz"));
  if (size < 2) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
  rerankd::RunWord(*model, text, data[1]);
  if (rerankd::FindInvalidUtf8(text).has_value()) return 0;
  rerankd::CheckTokenizer(*(*tokenizers)[data[0] & 15], text);
  // A text of more than one part.
  if ((data[0] & 16) != 0 && !text.empty()) {
    std::string longer;
    while (longer.size() < 5000) longer += text;
    rerankd::CheckTokenizer(*(*tokenizers)[data[0] & 15], longer);
  }
  return 0;
}
