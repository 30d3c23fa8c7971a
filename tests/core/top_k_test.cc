#include "core/top_k.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rerankd {
namespace {

std::vector<size_t> Indexes(const std::vector<ScoredDocument>& documents) {
  std::vector<size_t> indexes;
  for (const ScoredDocument& document : documents) indexes.push_back(document.index);
  return indexes;
}

const std::vector<ScoredDocument> kDocuments = {{0, 0.1F}, {1, 0.9F}, {2, 0.5F}, {3, 0.9F}};

TEST(TopKTest, BestFirstAndTiesInOrder) {
  EXPECT_THAT(Indexes(TopK(kDocuments, 0)), testing::ElementsAre(1, 3, 2, 0));
}

TEST(TopKTest, KeepsTheBest) {
  EXPECT_THAT(Indexes(TopK(kDocuments, 1)), testing::ElementsAre(1));
  EXPECT_THAT(Indexes(TopK(kDocuments, 3)), testing::ElementsAre(1, 3, 2));
}

TEST(TopKTest, MoreThanThereAreIsAll) { EXPECT_EQ(TopK(kDocuments, 99).size(), 4U); }

TEST(TopKTest, NothingStaysNothing) { EXPECT_TRUE(TopK({}, 5).empty()); }

TEST(TopKTest, AllEqualKeepsTheOrderWhateverTheCut) {
  const std::vector<ScoredDocument> equal(20, ScoredDocument{.score = 1});
  std::vector<ScoredDocument> documents = equal;
  for (size_t i = 0; i < documents.size(); ++i) documents[i].index = i;
  EXPECT_THAT(Indexes(TopK(documents, 3)), testing::ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace rerankd
