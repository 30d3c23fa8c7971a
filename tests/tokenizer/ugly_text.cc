#include "tokenizer/ugly_text.h"

#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "tokenizer/utf8_codec.h"

// Said a second time in tools/tokenizer_golden.py; change both.
namespace rerankd {
namespace {

constexpr std::pair<char32_t, uint64_t> kMarks[] = {
    {0x300, 112}, {0x483, 7},    {0x591, 45},   {0x610, 11},  {0x64B, 21},  {0x8D4, 44},
    {0xE31, 24},  {0x1885, 2},   {0x1AB0, 31},  {0x1DC0, 64}, {0x20D0, 33}, {0x302A, 6},
    {0xFE20, 16}, {0x1D165, 14}, {0x1E000, 43}, {0x1E944, 7}};
constexpr std::string_view kEmoji[] = {
    "\U0001F600",
    "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466",
    "\U0001F44D\U0001F3FD",
    "\u2764\uFE0F",
    "\U0001F1E9\U0001F1EA",
    "1\uFE0F\u20E3",
    "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
    "\U0001F926\U0001F3FC\u200D\u2642\uFE0F"};
constexpr char32_t kOdd[] = {
    0x00,    0x01,    0x08,    0x0B,    0x0C,    0x1C,     0x1F,    0x7F,   0x80,    0x85,
    0x9F,    0xA0,    0xAD,    0x600,   0x61C,   0x6DD,    0x8E2,   0x180E, 0x200B,  0x200C,
    0x200D,  0x200E,  0x2028,  0x2029,  0x202E,  0x2060,   0x2066,  0x206F, 0x3000,  0x3164,
    0xE000,  0xF8FF,  0xFDD0,  0xFEFF,  0xFFF9,  0xFFFD,   0xFFFE,  0xFFFF, 0x110BD, 0x110CD,
    0x13430, 0x1BCA0, 0x1D173, 0xE0001, 0xF0000, 0x10FFFD, 0x10FFFF};
constexpr std::string_view kLong[] = {"a",      "\u00E9",  "e\u0301",    "\u00DF", "\u0416",
                                      "\u0E01", "x\u00AD", "\U0001D400", "\uAC00"};
constexpr std::string_view kSpaces[] = {" ",      "  ",     "\t",     "\n",     "\r\n",
                                        "\u00A0", "\u2003", "\u3000", "\u2028", "\u205F",
                                        "\u1680", "\u0085", "   \t "};
constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

template <typename Array>
const auto& Pick(UglyText& random, const Array& array) {
  return array[random.Below(std::size(array))];
}

}  // namespace

// splitmix64.
uint64_t UglyText::Below(uint64_t n) {
  state_ += 0x9E3779B97F4A7C15U;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return (z ^ (z >> 31)) % n;
}

std::string UglyText::Next() {
  std::string out;
  for (uint64_t pieces = Below(9); pieces > 0; --pieces) {
    AppendPiece(out);
    if (Below(2) != 0) out += ' ';
  }
  return out;
}

std::string UglyText::Word() {
  const std::string& token = words_[Below(words_.size())];
  for (const std::string_view mark : {"##", "\u2581", "\u0120"}) {
    if (token.starts_with(mark)) return token.substr(mark.size());
  }
  return token;
}

void UglyText::AppendChars(uint64_t count, char32_t first, uint64_t size, std::string& out) {
  for (; count > 0; --count) AppendCodePoint(first + static_cast<char32_t>(Below(size)), out);
}

void UglyText::AppendPiece(std::string& out) {
  switch (Below(18)) {
    case 0: {
      const auto c = static_cast<char32_t>(Below(0x110000 - 0x800));
      AppendCodePoint(c >= 0xD800 ? c + 0x800 : c, out);
      return;
    }
    case 1: {
      const auto base = static_cast<char32_t>(128 * Below(1024));
      for (uint64_t count = 1 + Below(8); count > 0; --count) {
        const char32_t c = base + static_cast<char32_t>(Below(128));
        AppendCodePoint(c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c, out);
      }
      return;
    }
    case 2:
      for (uint64_t count = 1 + Below(6); count > 0; --count) {
        const auto& [first, size] = Pick(*this, kMarks);
        AppendChars(1, first, size, out);
      }
      return;
    case 3:
      for (uint64_t count = 1 + Below(3); count > 0; --count) out += Pick(*this, kEmoji);
      return;
    case 4: {
      const bool hebrew = Below(2) == 0;
      AppendChars(1 + Below(7), hebrew ? 0x5D0 : 0x627, hebrew ? 27 : 36, out);
      return;
    }
    case 5: {
      const bool syllables = Below(2) == 0;
      AppendChars(1 + Below(4), syllables ? 0xAC00 : 0x1100, syllables ? 11172 : 256, out);
      return;
    }
    case 6: {
      static constexpr std::pair<char32_t, uint64_t> kChinese[] = {
          {0x4E00, 20992}, {0xF900, 512}, {0x20000, 42720}, {0x2F800, 542}};
      const auto& [first, size] = Pick(*this, kChinese);
      AppendChars(1 + Below(4), first, size, out);
      return;
    }
    case 7:
      for (uint64_t count = 1 + Below(3); count > 0; --count) {
        AppendCodePoint(Pick(*this, kOdd), out);
      }
      return;
    case 8: {
      const std::string_view part = Pick(*this, kLong);
      for (uint64_t count = 90 + Below(30); count > 0; --count) out += part;
      return;
    }
    case 9:
      out += Pick(*this, alike_);
      return;
    case 10:
      for (uint64_t k = 0, count = 1 + Below(4); k < count; ++k) {
        if (k > 0) out += ' ';
        out += Word();
      }
      return;
    case 11:
      out += Pick(*this, kSpaces);
      return;
    case 12:
      for (uint64_t count = 1 + Below(4); count > 0; --count) {
        if (Below(2) != 0) {
          out += Pick(*this, kPunctuation);
        } else {
          AppendChars(1, 0x2000, 112, out);
        }
      }
      return;
    case 13:
      for (const char c : Word()) {
        out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      }
      return;
    case 14:
      AppendChars(1 + Below(8), '0', 10, out);
      return;
    case 15:
      AppendChars(1 + Below(6), 0xC0, 0x500, out);
      return;
    case 16:
      out += Word();
      return;
    default: {
      if (Below(8) != 0) {
        out += Word();
        return;
      }
      const std::string_view part = Below(2) != 0 ? "ab " : "abc";
      for (uint64_t count = (1960 + Below(120)) / 3; count > 0; --count) out += part;
      return;
    }
  }
}

}  // namespace rerankd
