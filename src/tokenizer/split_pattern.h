// Splitting text into the words that byte-level BPE works on: the patterns of the regex
// pre-tokenizers of Hugging Face `tokenizers`, as scanners written by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rerankd {

enum class SplitPattern : uint8_t {
  kNone,          // all of a piece is one word
  kGpt2,          // what ByteLevel uses: GPT-2, RoBERTa, ModernBERT
  kCl100k,        // tiktoken's cl100k_base, Llama 3: numbers in groups of up to three
  kSingleDigits,  // the same with each digit by itself: Qwen 2 and 3
};

// The pattern of a Split pre-tokenizer, known by its exact text.
std::optional<SplitPattern> SplitPatternOf(std::string_view regex);

struct WordEnd {
  size_t end = 0;        // after the word's last character
  bool complete = true;  // false: more text may make the word longer; it does reach `end`
};

// Where the word ends that begins at `begin`. `at_end` says whether text.size() is the end of the
// piece, or only of what is known of it. The words of a piece follow each other without a gap.
// REQUIRES: begin < text.size(); `text` is valid UTF-8.
WordEnd FindWordEnd(SplitPattern pattern, std::string_view text, size_t begin, bool at_end);

}  // namespace rerankd
