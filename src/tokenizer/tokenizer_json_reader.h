// The text of a tokenizer.json to its JSON, but for a Unigram vocabulary, whose hundreds of
// thousands of small lists would take ten times the file's size.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/unigram_piece.h"

namespace rerankd {

struct TokenizerJson {
  nlohmann::json root;               // an object; a list at model.vocab is left empty
  std::vector<UnigramPiece> pieces;  // what that list had
  // OK, or why a list at model.vocab is not one of pieces and their scores.
  absl::Status pieces_status;
};

// FAILED_PRECONDITION names `origin` and what is wrong.
absl::StatusOr<TokenizerJson> ReadTokenizerJson(std::string_view text, std::string_view origin);

// A number of a JSON file as Rust's serde_json reads it by default: the digits as a 64-bit number,
// rounded, times or by a power of ten, rounded again. Often the last bit is not that of the nearest
// double, and where two ways to cut a word score nearly the same, that bit decides.
double SerdeJsonNumber(std::string_view digits);

}  // namespace rerankd
