#include "documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace rerankd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<std::vector<std::string>> Read(const std::string& content, DocumentFormat format) {
  std::istringstream in(content);
  return ReadDocuments(in, format, "docs");
}

TEST(DocumentsTest, EachLineIsADocument) {
  EXPECT_THAT(*Read("one\n two \nthree", DocumentFormat::kLines),
              ElementsAre("one", " two ", "three"));
  EXPECT_THAT(*Read("", DocumentFormat::kLines), ElementsAre());
}

TEST(DocumentsTest, SkipsBlankLinesAndWindowsTraces) {
  EXPECT_THAT(*Read("\xEF\xBB\xBFone\r\n\r\n \t\ntwo\r\n", DocumentFormat::kLines),
              ElementsAre("one", "two"));
}

TEST(DocumentsTest, JsonLinesAreStringsOrObjects) {
  EXPECT_THAT(
      *Read("\"a \\u00e9\\n\"\n\n{\"id\": 7, \"text\": \"b\"}\n\"\"\n", DocumentFormat::kJsonl),
      ElementsAre("a é\n", "b", ""));
}

TEST(DocumentsTest, NamesTheLineAtFault) {
  for (const char* line : {"not json", "7", "[]", "{\"txt\": \"a\"}", "{\"text\": 7}",
                           "\"two\" \"strings\"", "\"caf\xE9\""}) {
    const auto documents = Read(std::string("\"fine\"\n") + line + "\n", DocumentFormat::kJsonl);
    EXPECT_EQ(documents.status().code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(documents.status().message()), HasSubstr("docs:2: ")) << line;
  }
}

}  // namespace
}  // namespace rerankd::client
