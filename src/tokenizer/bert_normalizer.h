// BERT's text normalization, id for id as `BertNormalizer` of Hugging Face `tokenizers`.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rerankd {

// Immutable, safe for concurrent use. The steps, each over the whole text in the original, run here
// character by character so that a long text can be normalized as far as it is needed:
//   clean_text            removes control characters, makes every white space a space
//   handle_chinese_chars  puts a space on both sides of each Chinese character
//   strip_accents         decomposes (NFD) and removes nonspacing marks
//   lowercase             maps each character by itself (no final-sigma rule)
class BertNormalizer {
 public:
  struct Options {
    bool clean_text = true;
    bool handle_chinese_chars = true;
    bool strip_accents = true;
    bool lowercase = true;
  };

  // What is carried from one part of a text to the next.
  class State {
    friend class BertNormalizer;
    // Characters that canonical ordering may still move, each with its place among them.
    struct Movable {
      uint8_t combining_class;
      size_t place;
      char32_t c;
      auto operator<=>(const Movable&) const = default;
    };
    std::vector<Movable> pending_;
  };

  explicit BertNormalizer(Options options);

  // Appends the normalized form of the next part of a text. Parts may be cut between any two
  // characters. REQUIRES: `part` is valid UTF-8.
  void Append(std::string_view part, State& state, std::string& out) const;
  // Appends what Append() held back. To be called at the end of each text.
  void Finish(State& state, std::string& out) const;

  std::string Normalize(std::string_view text) const;

 private:
  void AppendChar(char32_t c, State& state, std::string& out) const;
  void AppendDecomposed(char32_t c, State& state, std::string& out) const;
  void AppendLowered(char32_t c, std::string& out) const;

  Options options_;
  std::array<uint8_t, 128> ascii_;  // the normalized byte, or kRemoved
};

}  // namespace rerankd
