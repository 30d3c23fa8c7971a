#include "tokenizer/sentencepiece_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "tokenizer/sentencepiece_builder.h"

namespace rerankd {
namespace {

using testing::ElementsAre;

using Type = SentencePieceModel::PieceType;

std::string Error(const std::string& bytes) {
  const absl::Status status = ParseSentencePieceModel(bytes, "m").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  return std::string(status.message());
}

TEST(SentencePieceModelTest, ReadsPiecesAndCharsmap) {
  const std::string bytes = PieceField("<unk>", 0, 2) + PieceField("\u2581a", -1.25) +
                            BytesField(3, BytesField(1, "nmt_nfkc") + BytesField(2, "map")) +
                            BytesField(2, NumberField(3, 1) + NumberField(40, 0)) +
                            BytesField(99, "of a later version");
  const absl::StatusOr<SentencePieceModel> model = ParseSentencePieceModel(bytes, "m");
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_EQ(model->pieces.size(), 2U);
  EXPECT_EQ(model->pieces[0].text, "<unk>");
  EXPECT_EQ(model->pieces[1].text, "\u2581a");
  EXPECT_EQ(model->pieces[1].score, -1.25);
  EXPECT_THAT(model->types, ElementsAre(Type::kUnknown, Type::kNormal));
  EXPECT_EQ(model->charsmap, "map");
}

TEST(SentencePieceModelTest, RefusesOtherModels) {
  const std::string piece = PieceField("a", 0);
  EXPECT_EQ(Error(piece + BytesField(2, NumberField(3, 2))),
            "m: the model type BPE is not supported (UNIGRAM is)");
  EXPECT_EQ(Error(piece + BytesField(2, NumberField(3, 3))),
            "m: the model type WORD is not supported (UNIGRAM is)");
}

TEST(SentencePieceModelTest, RefusesWhatIsMalformed) {
  const std::string piece = PieceField("a", 0);
  EXPECT_EQ(Error(""), "m: not a SentencePiece model");
  EXPECT_EQ(Error("{}"), "m: not a SentencePiece model");
  for (size_t size = 1; size < piece.size(); ++size) {
    EXPECT_EQ(Error(piece + piece.substr(0, size)), "m: not a SentencePiece model") << size;
  }
  EXPECT_EQ(Error(piece + BytesField(1, NumberField(3, 9))), "m: not a SentencePiece model");
  EXPECT_EQ(Error(piece + BytesField(1, NumberField(1, 9))), "m: not a SentencePiece model");
  EXPECT_EQ(Error(piece + NumberField(3, 9)), "m: not a SentencePiece model");
  EXPECT_EQ(Error(piece + std::string(12, '\xFF')), "m: not a SentencePiece model");
  EXPECT_EQ(Error(piece + BytesField(0, "x")), "m: not a SentencePiece model");
}

}  // namespace
}  // namespace rerankd
