// The log of the running program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "integration/fixtures.h"
#include "util/json.h"

namespace rerankd {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(LogTest, OneJsonLineARequestWithoutItsText) {
  ServerProcess server({"--model-path", TestModel("tiny-cross-encoder"), "--log-format", "json"});
  ASSERT_TRUE(server.WaitForOutput("\"start_ms\":"));
  const std::string out = server.out();
  const size_t begin = out.find("\"address\":\"") + 11;
  const auto channel = Dial(out.substr(begin, out.find('"', begin) - begin));

  const auto stub = rerank::v1::RerankService::NewStub(channel);
  const auto send = [&](const std::string& id, const rerank::v1::RerankRequest& request) {
    grpc::ClientContext context;
    context.AddMetadata("x-request-id", id);
    rerank::v1::RerankResponse response;
    return stub->Rerank(&context, request, &response);
  };
  rerank::v1::RerankRequest request =
      MakeRequest("hushquery one", {"hushdocument one", "hushdocument two", "hushdocument three"});
  request.set_top_k(2);
  EXPECT_TRUE(send("good", request).ok());
  request.add_documents("");
  EXPECT_FALSE(send("empty", request).ok());
  request.mutable_documents()->RemoveLast();
  request.add_documents(std::string(10'000, 'h') + " hushdocument");
  request.set_truncation(rerank::v1::TRUNCATION_REFUSE);
  send("long", request);

  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_EQ(server.err(), "");
  EXPECT_THAT(server.out(), Not(HasSubstr("hush")));

  std::map<std::string, nlohmann::json> requests;
  std::set<std::string> messages;
  std::istringstream lines(server.out());
  for (std::string text; std::getline(lines, text);) {
    const auto line = ParseJson(text, "line");
    ASSERT_TRUE(line.ok()) << line.status() << "\n" << text;
    messages.insert((*line)["message"].get<std::string>());
    if ((*line)["message"] == "request") requests[(*line)["id"].get<std::string>()] = *line;
  }
  EXPECT_THAT(messages, testing::UnorderedElementsAre("starting", "loading model", "model loaded",
                                                      "serving", "request", "draining", "stopped"));
  ASSERT_EQ(requests.size(), 3U);
  const nlohmann::json& good = requests["good"];
  EXPECT_EQ(good["method"], "Rerank");
  EXPECT_EQ(good["status"], "OK");
  EXPECT_EQ(good["model"], "tiny-cross-encoder");
  EXPECT_EQ(good["documents"], 3);
  EXPECT_EQ(good["results"], 2);
  EXPECT_GT(good["total_tokens"], 3 * 4);
  EXPECT_GT(good["compute_ms"], 0);
  EXPECT_GE(good["total_ms"], good["compute_ms"]);
  EXPECT_EQ(requests["empty"]["status"], "INVALID_ARGUMENT");
  EXPECT_EQ(requests["empty"]["error"], "documents[3] is empty");
  EXPECT_EQ(requests["long"]["level"], "info");
}

TEST(LogTest, AReaderThatGoesAwayDoesNotEndTheServer) {
  ServerProcess server({"--model-path", TestModel("tiny-cross-encoder")}, {}, "start_ms=");
  const auto channel = Dial(server.Address());
  for (int i = 0; i < 2; ++i) {
    AsyncRerank call(channel, MakeRequest("q", {"a"}));  // writes a line that nobody reads
    EXPECT_TRUE(call.Wait().ok()) << call.Wait().error_message();
  }
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
}

// gRPC has a line of its own for each compressed call that it refuses.
TEST(LogTest, WhatGrpcSaysIsInTheLogAndNotWithoutEnd) {
  ServerProcess server({"--model-path", TestModel("tiny-cross-encoder")});
  const auto channel = Dial(server.Address());
  const auto stub = rerank::v1::RerankService::NewStub(channel);
  const rerank::v1::RerankRequest request = MakeRequest("q", {std::string(10'000, 'a')});
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    rerank::v1::RerankResponse response;
    EXPECT_EQ(stub->Rerank(&context, request, &response).error_code(),
              grpc::StatusCode::UNIMPLEMENTED);
  }
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_EQ(server.err(), "");
  const std::string out = server.out();
  const size_t first = out.find("warning gRPC: says=");
  ASSERT_NE(first, std::string::npos) << out;
  EXPECT_THAT(out.substr(first, out.find('\n', first) - first), HasSubstr("gzip"));
}

}  // namespace
}  // namespace rerankd
