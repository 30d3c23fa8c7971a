#include "tokenizer/pair_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace rerankd {
namespace {

using testing::ElementsAre;

// One token a character; [CLS] is 1, [SEP] 2. Counts the tokens that were asked for.
class CharTokenizer : public Tokenizer {
 public:
  TokenizedText Tokenize(std::string_view text, size_t max_tokens) const override {
    TokenizedText result;
    for (const char c : text.substr(0, max_tokens)) result.ids.push_back(c);
    result.complete = text.size() <= max_tokens;
    most_asked_ = std::max(most_asked_, result.ids.size());
    return result;
  }
  const Frame& frame() const override { return frame_; }
  size_t model_max_length() const override { return 512; }
  size_t id_bound() const override { return 256; }

  size_t most_asked() const { return most_asked_; }
  void Forget() { most_asked_ = 0; }

 private:
  Frame frame_ = {
      .prefix = {1}, .separator = {2}, .suffix = {2}, .single_suffix = {2}, .document_type_id = 1};
  mutable size_t most_asked_ = 0;
};

constexpr size_t kSpecial = 3;

class PairEncoderTest : public testing::Test {
 protected:
  Encoding Encode(PairTruncation truncation, size_t query, size_t document, size_t max_tokens,
                  size_t query_max_tokens = 256) {
    const PairEncoder encoder(tokenizer_,
                              {.max_tokens = max_tokens, .query_max_tokens = query_max_tokens});
    query_ = encoder.EncodeQuery(std::string(query, 'q'), truncation);
    tokenizer_.Forget();
    return encoder.EncodePair(query_, std::string(document, 'd'));
  }
  static size_t Count(const Encoding& encoding, char c) {
    return static_cast<size_t>(std::count(encoding.ids.begin(), encoding.ids.end(), c));
  }

  CharTokenizer tokenizer_;
  PairEncoder::Query query_;
};

TEST_F(PairEncoderTest, FramesThePair) {
  const Encoding encoding = Encode(PairTruncation::kOnlyDocument, 2, 3, 512);
  EXPECT_THAT(encoding.ids, ElementsAre(1, 'q', 'q', 2, 'd', 'd', 'd', 2));
  EXPECT_THAT(encoding.type_ids, ElementsAre(0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_FALSE(encoding.truncated);
  EXPECT_FALSE(query_.truncated);
}

TEST_F(PairEncoderTest, OnlyDocumentKeepsTheQueryUpToItsCap) {
  const Encoding encoding = Encode(PairTruncation::kOnlyDocument, 9, 9, kSpecial + 10, 6);
  EXPECT_EQ(Count(encoding, 'q'), 6U);
  EXPECT_EQ(Count(encoding, 'd'), 4U);
  EXPECT_TRUE(query_.truncated);
  EXPECT_TRUE(encoding.truncated);
  EXPECT_EQ(tokenizer_.most_asked(), 4U);
}

TEST_F(PairEncoderTest, OnlyDocumentFitsExactly) {
  const Encoding encoding = Encode(PairTruncation::kOnlyDocument, 6, 4, kSpecial + 10, 6);
  EXPECT_EQ(encoding.ids.size(), kSpecial + 10);
  EXPECT_FALSE(query_.truncated);
  EXPECT_FALSE(encoding.truncated);
}

TEST_F(PairEncoderTest, OnlyDocumentLeavesTheDocumentAToken) {
  const Encoding encoding = Encode(PairTruncation::kOnlyDocument, 50, 50, kSpecial + 10, 256);
  EXPECT_EQ(Count(encoding, 'q'), 9U);
  EXPECT_EQ(Count(encoding, 'd'), 1U);
}

TEST_F(PairEncoderTest, RefuseMarksWhateverWouldBeLost) {
  EXPECT_TRUE(Encode(PairTruncation::kRefuse, 2, 50, kSpecial + 10).truncated);
  EXPECT_FALSE(query_.truncated);
  EXPECT_FALSE(Encode(PairTruncation::kRefuse, 10, 1, kSpecial + 10).truncated);
  EXPECT_TRUE(query_.truncated);
  // The cap of the query is for cutting it.
  EXPECT_FALSE(Encode(PairTruncation::kRefuse, 7, 2, kSpecial + 10, 6).truncated);
  EXPECT_FALSE(query_.truncated);
  EXPECT_FALSE(Encode(PairTruncation::kRefuse, 6, 4, kSpecial + 10, 6).truncated);
  EXPECT_FALSE(query_.truncated);
}

// Takes one token at a time from the longer one, the query when they are equally long: not how it
// is done, but the same result (compared with Hugging Face itself in golden_test.cc).
TEST_F(PairEncoderTest, LongestFirstTakesFromTheLongerOne) {
  for (size_t room = 2; room < 14; ++room) {
    for (size_t query = 0; query < 30; ++query) {
      for (size_t document = 0; document < 30; ++document) {
        size_t kept_query = query;
        size_t kept_document = document;
        while (kept_query + kept_document > room) {
          --(kept_query >= kept_document ? kept_query : kept_document);
        }
        // Of an odd room, the one more goes to whoever was longer at the beginning.
        if (query > room / 2 && document > room / 2) {
          kept_query = query > document ? room - room / 2 : room / 2;
          kept_document = room - kept_query;
        }
        const Encoding encoding =
            Encode(PairTruncation::kLongestFirst, query, document, kSpecial + room);
        ASSERT_EQ(Count(encoding, 'q'), kept_query) << query << " " << document << " in " << room;
        ASSERT_EQ(Count(encoding, 'd'), kept_document)
            << query << " " << document << " in " << room;
        ASSERT_EQ(encoding.truncated, kept_document < document);
        ASSERT_EQ(encoding.type_ids.size(), encoding.ids.size());
      }
    }
  }
}

TEST_F(PairEncoderTest, LongestFirstReadsTheDocumentNoFurtherThanNeeded) {
  Encode(PairTruncation::kLongestFirst, 3, 100'000, kSpecial + 11);
  EXPECT_EQ(tokenizer_.most_asked(), 8U);
  Encode(PairTruncation::kLongestFirst, 20, 100'000, kSpecial + 10);
  EXPECT_EQ(tokenizer_.most_asked(), 5U);
  Encode(PairTruncation::kLongestFirst, 20, 100'000, kSpecial + 11);
  EXPECT_EQ(tokenizer_.most_asked(), 20U);  // to know that it is longer than the query
}

TEST_F(PairEncoderTest, SingleTextIsCutToFit) {
  const PairEncoder encoder(tokenizer_, {.max_tokens = 5});
  const Encoding fits = encoder.EncodeSingle("abc");
  EXPECT_THAT(fits.ids, ElementsAre(1, 'a', 'b', 'c', 2));
  EXPECT_THAT(fits.type_ids, ElementsAre(0, 0, 0, 0, 0));
  EXPECT_FALSE(fits.truncated);
  const Encoding cut = encoder.EncodeSingle("abcd");
  EXPECT_THAT(cut.ids, ElementsAre(1, 'a', 'b', 'c', 2));
  EXPECT_TRUE(cut.truncated);
}

TEST_F(PairEncoderTest, CountsSpecialTokens) {
  const PairEncoder encoder(tokenizer_, {});
  EXPECT_EQ(encoder.pair_special_tokens(), 3U);
  EXPECT_EQ(encoder.single_special_tokens(), 2U);
}

}  // namespace
}  // namespace rerankd
