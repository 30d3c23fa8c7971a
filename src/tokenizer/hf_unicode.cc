#include "tokenizer/hf_unicode.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uversion.h>

#include <algorithm>
#include <iterator>

namespace rerankd::hf_unicode {
namespace {

// Whether `c` was assigned by Unicode `major`.0 (8, 9 and 16, asked for here, had no
// dot releases).
bool AssignedBy(int major, char32_t c) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] != 0 && age[0] <= major;
}

// The general category as of Unicode 8: what came later was unassigned, and six characters have
// changed since.
int CategoryAsOf8(char32_t c) {
  switch (c) {
    case 0x166D:   // CANADIAN SYLLABICS CHI SIGN, a symbol since Unicode 12
    case 0x111C9:  // SHARADA SANDHI MARK, a nonspacing mark since Unicode 11
      return U_OTHER_PUNCTUATION;
    case 0x1734:  // HANUNOO SIGN PAMUDPOD, a spacing mark since Unicode 14
      return U_NON_SPACING_MARK;
    case 0x1885:  // MONGOLIAN LETTER ALI GALI BALUDA and
    case 0x1886:  // MONGOLIAN LETTER ALI GALI THREE BALUDA, nonspacing marks since Unicode 9
      return U_OTHER_LETTER;
    case 0xA9BD:  // JAVANESE CONSONANT SIGN KERET, a nonspacing mark since Unicode 11
      return U_COMBINING_SPACING_MARK;
    default:
      break;
  }
  const int category = u_charType(static_cast<UChar32>(c));
  return category == U_UNASSIGNED || AssignedBy(8, c) ? category : U_UNASSIGNED;
}

const icu::Normalizer2& Nfd() {
  // ICU compiles this table in, so there is no data file whose absence could make it fail.
  static const icu::Normalizer2* const nfd = [] {
    UErrorCode error = U_ZERO_ERROR;
    return icu::Normalizer2::getNFDInstance(error);
  }();
  return *nfd;
}

// The one table here that is a data file: nullptr where it is missing.
const icu::Normalizer2* Nfkd() {
  static const icu::Normalizer2* const nfkd = [] {
    UErrorCode error = U_ZERO_ERROR;
    const icu::Normalizer2* found = icu::Normalizer2::getNFKDInstance(error);
    return U_SUCCESS(error) ? found : nullptr;
  }();
  return nfkd;
}

Decomposition DecomposeBy(const icu::Normalizer2& normalizer, char32_t c) {
  Decomposition result;
  icu::UnicodeString decomposed;
  if (normalizer.getDecomposition(static_cast<UChar32>(c), decomposed) && AssignedBy(9, c)) {
    for (int32_t i = 0; i < decomposed.length() && result.size < Decomposition::kMax;
         i = decomposed.moveIndex32(i, 1)) {
      result.chars[result.size++] = static_cast<char32_t>(decomposed.char32At(i));
    }
  } else {
    result.chars[result.size++] = c;
  }
  return result;
}

// Characters of Unicode 15.1 and 16, for an ICU that does not know them yet.
struct Range {
  char32_t first;
  char32_t last;
};
constexpr Range kLettersSince15[] = {
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
    {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389},
    {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7},
    {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0}, {0x13460, 0x143FA},
    {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
    {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D},
};
constexpr Range kDigitsSince15[] = {
    {0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9}, {0x16130, 0x16139},
    {0x16D70, 0x16D79}, {0x1CCF0, 0x1CCF9}, {0x1E5F1, 0x1E5FA},
};
constexpr Range kMarksSince15[] = {
    {0x0897, 0x0897},   {0x10D69, 0x10D6D}, {0x10EFC, 0x10EFC}, {0x113B8, 0x113C0},
    {0x113C2, 0x113C2}, {0x113C5, 0x113C5}, {0x113C7, 0x113CA}, {0x113CC, 0x113D0},
    {0x113D2, 0x113D2}, {0x113E1, 0x113E2}, {0x11F5A, 0x11F5A}, {0x1611E, 0x1612F},
    {0x1E5EE, 0x1E5EF},
};

template <size_t size>
bool IsIn(const Range (&ranges)[size], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

}  // namespace

bool IsWhitespace(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }

bool IsControl(char32_t c) {
  const int category = CategoryAsOf8(c);
  return category == U_CONTROL_CHAR || category == U_FORMAT_CHAR || category == U_PRIVATE_USE_CHAR;
}

bool IsPunctuation(char32_t c) {
  if (c < 0x80) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
  }
  return (U_MASK(CategoryAsOf8(c)) & U_GC_P_MASK) != 0;
}

bool IsNonspacingMark(char32_t c) { return CategoryAsOf8(c) == U_NON_SPACING_MARK; }

bool IsChinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

bool IsWord(char32_t c) {
  const auto code_point = static_cast<UChar32>(c);
  if ((U_GET_GC_MASK(code_point) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0 ||
      u_hasBinaryProperty(code_point, UCHAR_ALPHABETIC) ||
      u_hasBinaryProperty(code_point, UCHAR_JOIN_CONTROL)) {
    return true;
  }
  return IsIn(kLettersSince15, c) || IsIn(kDigitsSince15, c) || IsIn(kMarksSince15, c);
}

bool IsLetter(char32_t c) {
  if ((U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_L_MASK) != 0) return AssignedBy(16, c);
  return IsIn(kLettersSince15, c);
}

bool IsNumber(char32_t c) {
  if ((U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_N_MASK) != 0) return AssignedBy(16, c);
  return IsIn(kDigitsSince15, c);
}

uint8_t CombiningClass(char32_t c) {
  const uint8_t combining_class = Nfd().getCombiningClass(static_cast<UChar32>(c));
  return combining_class != 0 && AssignedBy(9, c) ? combining_class : 0;
}

Decomposition Decompose(char32_t c) { return DecomposeBy(Nfd(), c); }

bool HasCompatibilityTable() { return Nfkd() != nullptr; }

Decomposition DecomposeCompatibly(char32_t c) { return DecomposeBy(*Nfkd(), c); }

bool IsMark(char32_t c) {
  // VEDIC SIGN ARDHAVISARGA and its rotated form, letters since Unicode 12.
  if (c == 0x1CF2 || c == 0x1CF3) return true;
  if (c == 0x111C9) return false;  // SHARADA SANDHI MARK, punctuation until Unicode 11
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_M_MASK) != 0 && AssignedBy(9, c);
}

std::optional<char32_t> Compose(char32_t first, char32_t second) {
  static const icu::Normalizer2* const nfc = [] {
    UErrorCode error = U_ZERO_ERROR;
    return icu::Normalizer2::getNFCInstance(error);
  }();
  const UChar32 composed =
      nfc->composePair(static_cast<UChar32>(first), static_cast<UChar32>(second));
  if (composed < 0 || !AssignedBy(9, static_cast<char32_t>(composed))) return std::nullopt;
  return static_cast<char32_t>(composed);
}

char32_t ToLower(char32_t c) {
  const UChar32 lower = u_tolower(static_cast<UChar32>(c));
  if (static_cast<char32_t>(lower) != c || c < 0x1C89) return static_cast<char32_t>(lower);
  // Pairs of Unicode 16 and 17, for an ICU that does not know them yet.
  switch (c) {
    case 0xA7CB:
      return 0x0264;
    case 0xA7DC:
      return 0x019B;
    case 0x1C89:
    case 0xA7CC:
    case 0xA7CE:
    case 0xA7D2:
    case 0xA7D4:
    case 0xA7DA:
      return c + 1;
    default:
      break;
  }
  if (c >= 0x10D50 && c <= 0x10D65) return c + 0x20;
  if (c >= 0x16EA0 && c <= 0x16EB8) return c + 0x1B;
  return c;
}

}  // namespace rerankd::hf_unicode
