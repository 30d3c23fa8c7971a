// A SentencePiece model file (a protobuf message), as untrusted input. Only what decides ids is
// read, so that neither protobuf nor sentencepiece is needed for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/unigram_piece.h"

namespace rerankd {

struct SentencePieceModel {
  enum class PieceType : uint8_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  std::vector<UnigramPiece> pieces;  // the index is the id
  std::vector<PieceType> types;      // of each piece
  std::string charsmap;              // empty: none
};

// FAILED_PRECONDITION, beginning with `origin`, for what is no such file and for models that are
// not Unigram.
absl::StatusOr<SentencePieceModel> ParseSentencePieceModel(std::string_view bytes,
                                                           std::string_view origin);

}  // namespace rerankd
