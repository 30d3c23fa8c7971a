// Texts made to break a tokenizer, the same ones as tools/tokenizer_golden.py makes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rerankd {

class UglyText {
 public:
  // `words` are the tokens by id; `alike` what nearly is something special to the tokenizer.
  // Neither may be empty, both must outlive this.
  UglyText(uint64_t seed, const std::vector<std::string>& words,
           const std::vector<std::string>& alike)
      : state_(seed), words_(words), alike_(alike) {}

  std::string Next();
  uint64_t Below(uint64_t n);  // the next random number

 private:
  void AppendPiece(std::string& out);
  void AppendChars(uint64_t count, char32_t first, uint64_t size, std::string& out);
  std::string Word();

  uint64_t state_;
  const std::vector<std::string>& words_;
  const std::vector<std::string>& alike_;
};

}  // namespace rerankd
