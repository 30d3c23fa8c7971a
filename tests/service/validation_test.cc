#include "service/validation.h"

#include <gtest/gtest.h>

#include <string>

#include "core/errors.h"

namespace rerankd {
namespace {

rerank::v1::RerankRequest Valid() {
  rerank::v1::RerankRequest request;
  request.set_query("q");
  for (int i = 0; i < 5; ++i) request.add_documents("d");
  return request;
}

TEST(ValidationTest, AcceptsWhatIsOnlyUnusual) {
  rerank::v1::RerankRequest request = Valid();
  request.set_top_k(4'000'000'000);
  request.set_query(" \n");
  request.set_documents(2, " ");
  EXPECT_TRUE(ValidateRerankRequest(request).ok());
  request.clear_documents();
  EXPECT_TRUE(ValidateRerankRequest(request).ok());
}

TEST(ValidationTest, NamesTheEmptyField) {
  rerank::v1::RerankRequest request = Valid();
  request.set_documents(3, "");
  absl::Status status = ValidateRerankRequest(request);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), "documents[3] is empty");
  EXPECT_EQ(FieldOf(status), "documents[3]");
  EXPECT_EQ(ReasonOf(status), "EMPTY_FIELD");
  request.clear_query();
  status = ValidateRerankRequest(request);
  EXPECT_EQ(std::string(status.message()), "query is empty");
  EXPECT_EQ(FieldOf(status), "query");
}

TEST(ValidationTest, RefusesEnumValuesItDoesNotKnow) {
  rerank::v1::RerankRequest request = Valid();
  request.set_score_kind(static_cast<rerank::v1::ScoreKind>(7));
  absl::Status status = ValidateRerankRequest(request);
  EXPECT_EQ(std::string(status.message()),
            "score_kind has the value 7, which rerank.v1.ScoreKind does not define");
  EXPECT_EQ(FieldOf(status), "score_kind");
  request.clear_score_kind();
  request.set_truncation(static_cast<rerank::v1::Truncation>(-1));
  EXPECT_EQ(FieldOf(ValidateRerankRequest(request)), "truncation");
}

TEST(ValidationTest, RequestIdsArePrintableAndBounded) {
  EXPECT_TRUE(IsUsableRequestId("a"));
  EXPECT_TRUE(IsUsableRequestId(std::string(128, '~')));
  EXPECT_FALSE(IsUsableRequestId(""));
  EXPECT_FALSE(IsUsableRequestId(std::string(129, 'a')));
  EXPECT_FALSE(IsUsableRequestId("two words"));
  EXPECT_FALSE(IsUsableRequestId("line\nbreak"));
  EXPECT_FALSE(IsUsableRequestId("caf\xC3\xA9"));
  EXPECT_FALSE(IsUsableRequestId("\x7F"));
}

}  // namespace
}  // namespace rerankd
