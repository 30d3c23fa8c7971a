#include "server/token_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

using testing::HasSubstr;

// bge-reranker-v2-m3's.
TokenLimits::Sources LongModel() {
  return {.model_max_tokens = 8192, .tokenizer_max_tokens = 8192, .special_tokens = 4};
}

std::string ErrorOf(const TokenLimits::Sources& sources) {
  return std::string(TokenLimits::Make(sources).status().message());
}

TEST(TokenLimitsTest, APairWhoseDocumentIsTrimmedHas512) {
  const auto limits = TokenLimits::Make(LongModel());
  ASSERT_TRUE(limits.ok()) << limits.status();
  EXPECT_EQ(limits->max_tokens, 512U);
  EXPECT_EQ(limits->query_max_tokens, 256U);
}

TEST(TokenLimitsTest, TheEntryMayAskForAllOfIt) {
  TokenLimits::Sources sources = LongModel();
  sources.entry_max_tokens = 8192;
  sources.entry_query_max_tokens = 1000;
  EXPECT_EQ(TokenLimits::Make(sources)->max_tokens, 8192U);
  EXPECT_EQ(TokenLimits::Make(sources)->query_max_tokens, 1000U);
}

TEST(TokenLimitsTest, EverythingElseIsAsLongAsTheModelAllows) {
  TokenLimits::Sources sources = LongModel();
  sources.truncation = Truncation::kLongestFirst;
  EXPECT_EQ(TokenLimits::Make(sources)->max_tokens, 8192U);
  sources = LongModel();
  sources.reads_pairs = false;
  EXPECT_EQ(TokenLimits::Make(sources)->max_tokens, 8192U);
  sources = LongModel();
  sources.model_max_tokens = 128;
  EXPECT_EQ(TokenLimits::Make(sources)->max_tokens, 128U);
  EXPECT_EQ(TokenLimits::Make(sources)->query_max_tokens, 64U);
}

TEST(TokenLimitsTest, TheTokenizersLimitCountsUnlessTheFolderStatesOne) {
  TokenLimits::Sources sources = LongModel();
  sources.tokenizer_max_tokens = 64;
  EXPECT_EQ(TokenLimits::Make(sources)->max_tokens, 64U);
  sources.model_max_tokens = 1024;
  sources.model_states_max_tokens = true;
  EXPECT_EQ(TokenLimits::Make(sources)->max_tokens, 1024U);
}

TEST(TokenLimitsTest, TooMuchIsRefusedWithItsReason) {
  TokenLimits::Sources sources = LongModel();
  sources.entry_max_tokens = 8193;
  EXPECT_EQ(ErrorOf(sources),
            "max_tokens is 8193, but the number of positions in config.json allows 8192 at most");
  sources.tokenizer_max_tokens = 100;
  EXPECT_THAT(ErrorOf(sources), HasSubstr("tokenizer_config.json allows 100 at most"));
  sources.model_max_tokens = 90;
  sources.model_states_max_tokens = true;
  EXPECT_THAT(ErrorOf(sources), HasSubstr("sentence_bert_config.json allows 90 at most"));
}

TEST(TokenLimitsTest, ADocumentNeedsRoom) {
  TokenLimits::Sources sources = LongModel();
  sources.entry_max_tokens = 20;
  sources.entry_query_max_tokens = 16;
  EXPECT_THAT(ErrorOf(sources), HasSubstr("no room for a document"));
  sources.entry_query_max_tokens = 15;
  EXPECT_TRUE(TokenLimits::Make(sources).ok());
}

}  // namespace
}  // namespace rerankd
