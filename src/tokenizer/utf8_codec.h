// Reading and writing single characters of valid UTF-8.
#pragma once

#include <unicode/utf8.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rerankd {

// The character at `position`, which moves past it. Never reads past the end of `text`, whatever
// its bytes; what is not UTF-8 reads as U+FFFD. REQUIRES: position < text.size().
inline char32_t NextCodePoint(std::string_view text, size_t& position) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  UChar32 c;
  U8_NEXT_OR_FFFD(bytes, position, text.size(), c);  // NOLINT(bugprone-inc-dec-in-conditions)
  return static_cast<char32_t>(c);
}

// The character before `position`, which moves to its beginning. REQUIRES: 0 < position <= size().
inline char32_t PreviousCodePoint(std::string_view text, size_t& position) {
  const size_t end = position--;
  while (position > 0 && end - position < 4 &&
         (static_cast<uint8_t>(text[position]) & 0xC0) == 0x80) {
    --position;
  }
  size_t begin = position;
  return NextCodePoint(text.substr(0, end), begin);
}

inline void AppendCodePoint(char32_t c, std::string& out) {
  uint8_t bytes[4];
  size_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, static_cast<uint32_t>(c));
  out.append(reinterpret_cast<const char*>(bytes), length);
}

}  // namespace rerankd
