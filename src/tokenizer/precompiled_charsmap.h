// SentencePiece's "precompiled_charsmap", as untrusted input: which characters, or sequences of
// them, a text's normalization replaces by what.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/text_normalizer.h"

namespace rerankd {

// A double array (keys to offsets) and a blob of strings that end with a zero byte. Immutable, safe
// for concurrent use.
class PrecompiledCharsmap {
 public:
  // FAILED_PRECONDITION says what is malformed.
  static absl::StatusOr<PrecompiledCharsmap> Parse(std::string_view bytes);

  // What the *shortest* key that `text` begins with becomes: Hugging Face replaces the whole of
  // `text` by it, whatever follows the key. Nullopt when no key is a prefix.
  std::optional<std::string_view> Find(std::string_view text) const;

 private:
  absl::Status CheckEntries() const;
  std::string_view StringAt(uint32_t offset) const;

  std::vector<uint32_t> units_;
  std::string strings_;
};

// The step that Hugging Face calls "Precompiled": looks up each grapheme cluster of less than six
// bytes as a whole, and the characters of what is longer or not found one by one.
std::unique_ptr<NormalizerStep> MakePrecompiledStep(PrecompiledCharsmap charsmap);

}  // namespace rerankd
