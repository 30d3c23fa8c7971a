#include "service/request_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/errors.h"

namespace rerankd {
namespace {

using ::testing::HasSubstr;

// One length-delimited field as it is on the wire.
std::string Field(int number, std::string_view value) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  size_t size = value.size();
  for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
  out += static_cast<char>(size);
  return out.append(value);
}

constexpr int kQuery = 1;
constexpr int kDocuments = 2;
constexpr int kModel = 4;

absl::Status Parse(std::string_view payload, size_t max_documents = 0) {
  rerank::v1::RerankRequest request;
  return ParseRerankRequest(payload, max_documents, request);
}

TEST(RequestParserTest, ParsesAMessage) {
  rerank::v1::RerankRequest sent;
  sent.set_query("frühling");
  sent.add_documents("one");
  sent.add_documents(std::string("t\0o", 3));
  sent.set_top_k(7);
  rerank::v1::RerankRequest got;
  ASSERT_TRUE(ParseRerankRequest(sent.SerializeAsString(), 2, got).ok());
  EXPECT_EQ(got.SerializeAsString(), sent.SerializeAsString());
}

TEST(RequestParserTest, NamesTheFieldThatIsNotUtf8) {
  const std::string good = Field(kQuery, "q") + Field(kDocuments, "a") + Field(kDocuments, "b");
  absl::Status status = Parse(good + Field(kDocuments, "c") + Field(kDocuments, "caf\xE9 au lait"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldOf(status), "documents[3]");
  EXPECT_EQ(std::string(status.message()), "documents[3] is not valid UTF-8 (at byte 3)");
  EXPECT_EQ(ReasonOf(status), "INVALID_UTF8");
  EXPECT_EQ(FieldOf(Parse(good + Field(kQuery, "\xFF"))), "query");
  EXPECT_EQ(FieldOf(Parse(good + Field(kModel, "\xED\xA0\x80"))), "model");  // a lone surrogate
  rerank::v1::GetModelRequest request;
  EXPECT_EQ(FieldOf(ParseRequest(Field(1, "\xC0\xAF"), request)), "name");
}

TEST(RequestParserTest, SaysWhenTheBytesAreNoMessage) {
  const std::string payloads[] = {
      "\x0A\x05q",                     // shorter than it says
      "hello",                         // a field, then its length is missing
      std::string(1, '\0'),            // field number 0
      "\x0C",                          // the end of a group that never began
      std::string(200, '\x7B'),        // groups deeper than any parser goes
      Field(kQuery, "\xFF") + "\x0A",  // more than one thing is wrong
  };
  for (const std::string& payload : payloads) {
    const absl::Status status = Parse(payload);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << testing::PrintToString(payload);
    EXPECT_THAT(std::string(status.message()), HasSubstr("rerank.v1.RerankRequest"));
    EXPECT_EQ(ReasonOf(status), "MALFORMED_REQUEST");
  }
}

TEST(RequestParserTest, CountsDocumentsBeforeItStoresThem) {
  std::string payload = Field(kQuery, "q");
  for (int i = 0; i < 1000; ++i) payload += Field(kDocuments, "");
  EXPECT_TRUE(Parse(payload, 1000).ok());
  EXPECT_TRUE(Parse(payload, 0).ok());
  const absl::Status status = Parse(payload, 999);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()),
            "documents has 1000 entries, more than the 999 that this server takes in one call");
  EXPECT_EQ(FieldOf(status), "documents");
  EXPECT_EQ(ReasonOf(status), "TOO_MANY_DOCUMENTS");
}

TEST(RequestParserTest, IgnoresFieldsOfLaterVersions) {
  EXPECT_TRUE(Parse(Field(kQuery, "q") + Field(15, "\xFF new")).ok());
}

TEST(RequestParserTest, EmptyPayloadIsAnEmptyMessage) { EXPECT_TRUE(Parse("").ok()); }

}  // namespace
}  // namespace rerankd
