// Unicode properties as the tables inside Hugging Face `tokenizers` (0.23) give them. Ids depend on
// them, so they are pinned: each function says as of which Unicode version it answers, whatever
// newer version the linked ICU knows. tests/tokenizer/golden_test.cc compares every code point.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace rerankd::hf_unicode {

// Rust's char::is_whitespace, and \s of both regex engines: White_Space.
bool IsWhitespace(char32_t c);

// Control, format and private use (Cc, Cf, Co) as of Unicode 8.
bool IsControl(char32_t c);

// ASCII punctuation (all that is neither letter, digit, space nor control), and every P* as of
// Unicode 8.
bool IsPunctuation(char32_t c);

// Mn as of Unicode 8.
bool IsNonspacingMark(char32_t c);

// The blocks that BERT splits into single characters.
bool IsChinese(char32_t c);

// \w of the Rust crate `regex`, as of Unicode 16.
bool IsWord(char32_t c);

// \p{L} and \p{N} of Oniguruma, the engine of pre-tokenizers' patterns, as of Unicode 16.
bool IsLetter(char32_t c);
bool IsNumber(char32_t c);

// Canonical_Combining_Class as of Unicode 9; 0 for most characters.
uint8_t CombiningClass(char32_t c);

// A character's canonical or compatibility decomposition as of Unicode 9, or the character itself.
struct Decomposition {
  static constexpr size_t kMax = 18;  // the longest that there is (U+FDFA)
  char32_t chars[kMax];
  size_t size = 0;
};
Decomposition Decompose(char32_t c);
Decomposition DecomposeCompatibly(char32_t c);  // REQUIRES: HasCompatibilityTable()
bool HasCompatibilityTable();                   // false where ICU's data is not installed

// Mn, Mc or Me as of Unicode 9.
bool IsMark(char32_t c);

// The character that two others compose to as of Unicode 9.
std::optional<char32_t> Compose(char32_t first, char32_t second);

// Rust's char::to_lowercase as of Unicode 17, but for U+0130, the only character whose lower case
// is two characters ("i" and U+0307): this returns "i" and the caller adds the second.
char32_t ToLower(char32_t c);

}  // namespace rerankd::hf_unicode
