#include "providers/error_body.h"

#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

ErrorBody Read(std::string body, std::string type = "application/json") {
  return ReadErrorBody(
      {.status = 400, .headers = {{"Content-Type", std::move(type)}}, .body = std::move(body)});
}

TEST(ErrorBodyTest, ReadsEveryShape) {
  struct Row {
    const char* body;
    const char* message;
    const char* code = "";
    const char* request_id = "";
  };
  const Row rows[] = {
      {R"({"message":"m","id":"i"})", "m", "", "i"},
      {R"({"detail":"m"})", "m"},
      {R"({"detail":"m","request_id":"i","code":"C"})", "m", "C", "i"},
      {R"({"detail":{"message":"m","request_id":"i","code":"C"}})", "m", "C", "i"},
      {R"({"detail":{"error":"m"}})", "m"},
      {R"({"detail":[{"loc":["body","top_n"],"msg":"m","type":"int"}]})", "body.top_n: m"},
      {R"({"detail":[{"msg":"a"},{"msg":"b"},{"msg":"c"},{"msg":"d"}]})", "a; b; c"},
      {R"({"detail":"m","errors":[{"field":"f","message":"n"}]})", "m f: n"},
      {R"({"error":"m","error_type":"Validation"})", "m", "Validation"},
      {R"({"error":{"message":"m","type":"T","param":null,"code":400}})", "m", "T"},
      {R"({"error":{"message":"m","type":"T","code":"C"}})", "m", "C"},
      {R"({"error":{"code":429,"message":"m"}})", "m", "429"},
      {R"({"error":{"code":429,"message":"m","status":"EXHAUSTED"}})", "m", "EXHAUSTED"},
      {R"({"code":"C","message":"m","request_id":"i"})", "m", "C", "i"},
      {R"("m")", "m"},
      {R"({"message":null,"detail":null,"error":null})", ""},
      {R"({"message":1,"code":true,"request_id":{}})", ""},
      {R"([])", ""},
      {R"([1,"x"])", "x"},
      {R"(7)", ""},
      {"", ""},
      {"upstream connect error\nmore", "upstream connect error"},
      {"<!doctype html><html><body>Bad gateway", "(a web page)"},
  };
  for (const Row& row : rows) {
    const ErrorBody error = Read(row.body);
    EXPECT_EQ(error.message, row.message) << row.body;
    EXPECT_EQ(error.code, row.code) << row.body;
    EXPECT_EQ(error.request_id, row.request_id) << row.body;
  }
  EXPECT_EQ(Read("Bad gateway", "text/html; charset=utf-8").message, "(a web page)");
}

TEST(ErrorBodyTest, DeepNestingIsNotRead) {
  const std::string deep = R"({"detail":)" + std::string(100'000, '[');
  EXPECT_EQ(Read(deep).code, "");
}

TEST(ErrorBodyTest, ARequestIdMayBeInAHeader) {
  EXPECT_EQ(ReadErrorBody({.status = 500, .headers = {{"X-Request-Id", "i"}}}).request_id, "i");
  EXPECT_EQ(
      ReadErrorBody(
          {.status = 500, .headers = {{"X-Request-Id", "i"}}, .body = R"({"request_id":"j"})"})
          .request_id,
      "j");
}

}  // namespace
}  // namespace rerankd
