// An entry of a Unigram vocabulary.
#pragma once

#include <string>

namespace rerankd {

struct UnigramPiece {
  std::string text;
  double score = 0;  // the logarithm of its probability
};

}  // namespace rerankd
