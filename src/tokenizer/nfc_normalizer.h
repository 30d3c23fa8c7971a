// Unicode's canonical composition, as `NFC` and `NFKC` of Hugging Face `tokenizers`: as of
// Unicode 9.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rerankd {

// One text on its way through, in parts that may be cut between any two characters.
class NfcNormalizer {
 public:
  // With `compatible`, NFKC. REQUIRES: then hf_unicode::HasCompatibilityTable().
  explicit NfcNormalizer(bool compatible = false) : compatible_(compatible) {}

  // Appends the normalized form of the next part, but for the last character and its marks, which
  // may still change. REQUIRES: `part` is valid UTF-8.
  void Append(std::string_view part, std::string& out);
  // Appends what Append() held back; the next part begins another text.
  void Finish(std::string& out);

 private:
  void AppendDecomposed(char32_t c, std::string& out);
  void ComposeMarks();
  void Emit(std::string& out);

  // A character of another combining class than 0, with its place among them.
  struct Mark {
    uint8_t combining_class;
    size_t place;
    char32_t c;
    auto operator<=>(const Mark&) const = default;
  };

  bool compatible_;
  std::optional<char32_t> starter_;  // what may still compose with what follows
  std::vector<Mark> marks_;          // behind it
};

std::string NormalizeNfc(std::string_view text);

}  // namespace rerankd
