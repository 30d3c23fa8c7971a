// Extended grapheme clusters as of Unicode 17 (UAX #29), what Hugging Face `tokenizers` cuts a text
// into before it looks up a SentencePiece character map.
#pragma once

#include <cstdint>

namespace rerankd {

// Fed the characters of one text in order. Holds a few bytes; not for concurrent use.
class GraphemeBreaker {
 public:
  // Whether a cluster begins with `c`, the next character. True for the first one.
  bool BreaksBefore(char32_t c);

 private:
  enum class Emoji : uint8_t { kNone, kPictograph, kJoined };  // … Extend*, then ZWJ
  enum class Conjunct : uint8_t { kNone, kConsonant, kLinked };

  uint8_t previous_ = kStart;
  bool odd_regional_ = false;  // an odd number of regional indicators ends here
  Emoji emoji_ = Emoji::kNone;
  Conjunct conjunct_ = Conjunct::kNone;

  static constexpr uint8_t kStart = 0xFF;
};

}  // namespace rerankd
