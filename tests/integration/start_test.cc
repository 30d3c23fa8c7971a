// What stops the start does so with one line that says what to do, and its own exit status.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>

#include "integration/fixtures.h"
#include "support/temp_dir.h"
#include "util/file.h"
#include "util/json.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// Runs to the end, which must be a refusal to start in one line on stderr; returns that line.
std::string Refusal(const std::vector<std::string>& arguments, int exit_code) {
  ServerProcess server(arguments);
  EXPECT_EQ(server.Wait(), exit_code) << server.out();
  const std::string error = server.err();
  EXPECT_EQ(std::ranges::count(error, '\n'), 1) << error;
  EXPECT_THAT(error, StartsWith("rerankd: "));
  return error;
}

// A copy of a model that a test may damage.
class BrokenModelTest : public testing::Test {
 protected:
  BrokenModelTest() {
    fs::copy(TestModel("tiny-cross-encoder"), model_, fs::copy_options::recursive);
  }

  std::string Refused(const std::vector<std::string>& flags = {}) {
    std::vector<std::string> arguments{"--model-path", model_.string()};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return Refusal(arguments, 1);
  }
  nlohmann::json Read(const char* file) { return ReadJsonObject(model_ / file).value(); }
  void Write(const char* file, const nlohmann::json& content) {
    std::ofstream(model_ / file) << content;
  }

  TempDir folder_;
  const fs::path model_ = folder_.path() / "model";
};

TEST_F(BrokenModelTest, TheCopyItselfIsServed) {
  ServerProcess server({"--model-path", model_.string()});
  EXPECT_EQ(Health(Dial(server.Address()), "model"), "SERVING");
}

TEST_F(BrokenModelTest, MissingFolder) {
  fs::remove_all(model_);
  EXPECT_THAT(Refused(), AllOf(HasSubstr("model \"model\""), HasSubstr(model_.string())));
}

TEST_F(BrokenModelTest, MissingFiles) {
  for (const char* file : {"model.safetensors", "config.json"}) {
    fs::rename(model_ / file, model_ / "away");
    EXPECT_THAT(Refused(), HasSubstr(file));
    fs::rename(model_ / "away", model_ / file);
  }
  fs::remove(model_ / "tokenizer.json");
  fs::remove(model_ / "vocab.txt");
  EXPECT_THAT(Refused(), HasSubstr("tokenizer.json"));
}

TEST_F(BrokenModelTest, TruncatedWeights) {
  fs::resize_file(model_ / "model.safetensors", fs::file_size(model_ / "model.safetensors") / 2);
  EXPECT_THAT(Refused(), HasSubstr("model.safetensors"));
  fs::resize_file(model_ / "model.safetensors", 7);
  EXPECT_THAT(Refused(), HasSubstr("model.safetensors"));
  fs::resize_file(model_ / "model.safetensors", 0);
  EXPECT_THAT(Refused(), HasSubstr("model.safetensors"));
}

TEST_F(BrokenModelTest, HeaderOfImpossibleLength) {
  std::fstream weights(model_ / "model.safetensors",
                       std::ios::in | std::ios::out | std::ios::binary);
  const uint64_t length = uint64_t{1} << 60;
  weights.write(reinterpret_cast<const char*>(&length), sizeof(length));
  weights.close();
  EXPECT_THAT(Refused(), HasSubstr("model.safetensors"));
}

TEST_F(BrokenModelTest, WrongShape) {
  nlohmann::json config = Read("config.json");
  config["intermediate_size"] = 128;
  Write("config.json", config);
  EXPECT_THAT(Refused(), AllOf(HasSubstr("model.safetensors"), HasSubstr("112"), HasSubstr("128")));
}

TEST_F(BrokenModelTest, UnknownArchitecture) {
  nlohmann::json config = Read("config.json");
  config["architectures"] = {"LlamaForCausalLM"};
  Write("config.json", config);
  EXPECT_THAT(Refused(), AllOf(HasSubstr("config.json"), HasSubstr("LlamaForCausalLM"),
                               HasSubstr("BertForSequenceClassification")));
}

TEST_F(BrokenModelTest, ConfigThatIsNoJson) {
  std::ofstream(model_ / "config.json") << "{\"architectures\": [";
  EXPECT_THAT(Refused(), HasSubstr("config.json"));
}

TEST_F(BrokenModelTest, ConfigNestedWithoutEnd) {
  std::string config = Read("config.json").dump();
  config.insert(config.size() - 1,
                ", \"pruned_heads\": " + std::string(80'000, '[') + std::string(80'000, ']'));
  std::ofstream(model_ / "config.json") << config;
  EXPECT_THAT(Refused(), AllOf(HasSubstr("config.json"), HasSubstr("nested")));
}

TEST_F(BrokenModelTest, WhatIsQuotedStaysOnOneLine) {
  nlohmann::json tokenizer = Read("tokenizer.json");
  tokenizer["new\nline\x1b[31m"] = 1;
  Write("tokenizer.json", tokenizer);
  EXPECT_THAT(Refused(), HasSubstr("new\\nline\\x1b[31m"));
}

TEST_F(BrokenModelTest, TokenizerOfAnotherModel) {
  nlohmann::json tokenizer = Read("tokenizer.json");
  tokenizer["model"]["vocab"]["newcomer"] = tokenizer["model"]["vocab"].size();
  Write("tokenizer.json", tokenizer);
  EXPECT_THAT(Refused(), AllOf(HasSubstr("tokenizer"), HasSubstr("1070")));
}

TEST_F(BrokenModelTest, TheWrongKind) {
  EXPECT_THAT(Refused({"--model-kind", "bi_encoder"}), HasSubstr("model \"model\""));
}

TEST_F(BrokenModelTest, MoreTokensThanTheModelReads) {
  EXPECT_THAT(Refused({"--model-max-tokens", "65"}), AllOf(HasSubstr("65"), HasSubstr("64")));
  EXPECT_THAT(Refused({"--model-query-max-tokens", "62"}), HasSubstr("query_max_tokens"));
  EXPECT_THAT(Refused({"--model-max-tokens", "4"}), HasSubstr("max_tokens"));
}

TEST(StartTest, ADeviceThatCannotBeServedOn) {
  EXPECT_THAT(Refusal({"--model-device", "gpu:0"}, 2),
              AllOf(HasSubstr("must be cpu, cuda"), HasSubstr("gpu:0")));
}

TEST(StartTest, APortInUse) {
  const int taken = socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_GE(taken, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(taken, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(taken, 1), 0);
  ASSERT_EQ(getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string listen = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  EXPECT_THAT(Refusal({"--model-path", TestModel("tiny-cross-encoder"), "--listen", listen}, 1),
              AllOf(HasSubstr(listen), HasSubstr("in use")));
  close(taken);
}

TEST(StartTest, APortFileThatCannotBeWritten) {
  EXPECT_THAT(Refusal({"--model-path", TestModel("tiny-cross-encoder"), "--port-file",
                       "/nonexistent/folder/port"},
                      1),
              HasSubstr("/nonexistent/folder/port"));
}

TEST(StartTest, AFolderInPlaceOfThePortFileStays) {
  const TempDir folder;
  const fs::path path = folder.path() / "port";
  fs::create_directory(path);
  EXPECT_THAT(Refusal({"--port-file", path.string()}, 1), HasSubstr("cannot write"));
  EXPECT_TRUE(fs::is_directory(path));
  EXPECT_FALSE(fs::exists(path.string() + ".partial"));
}

TEST(StartTest, AStalePortFileIsGoneBeforeTheModelIsLoaded) {
  const TempDir folder;
  const fs::path path = folder.Write("port", "1\n");
  Refusal({"--port-file", path.string(), "--model-path", "/nonexistent"}, 1);
  EXPECT_FALSE(fs::exists(path));
}

TEST(StartTest, TightLimitsOfAModelDoNotStopItsStart) {
  ServerProcess server({"--model-path", TestModel("tiny-cross-encoder"),
                        "--engine-max-queued-documents", "1", "--engine-sessions", "4",
                        "--model-query-max-tokens", "2", "--model-truncation", "refuse"});
  EXPECT_EQ(Health(Dial(server.Address()), "tiny-cross-encoder"), "SERVING");
}

TEST(StartTest, ThePortFileHoldsThePortWhileServing) {
  const TempDir folder;
  const fs::path file = folder.path() / "port";
  ServerProcess server(
      {"--model-path", TestModel("tiny-cross-encoder"), "--port-file", file.string()});
  const std::string address = server.Address();
  EXPECT_EQ("127.0.0.1:" + ReadFile(file).value(), address + "\n");
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_FALSE(fs::exists(file));
}

TEST(StartTest, ConfigurationThatCannotBeRead) {
  EXPECT_THAT(Refusal({"--config", "/nonexistent/rerankd.yaml"}, 2),
              HasSubstr("/nonexistent/rerankd.yaml"));
  EXPECT_THAT(Refusal({"--config", "/"}, 2), HasSubstr("/"));
}

TEST(StartTest, EveryErrorOfTheConfigurationIsReported) {
  const TempDir folder;
  const std::string file =
      folder.Write("rerankd.yaml", "lisen: a:1\nmodels:\n  - path: x\n    kind: y\n").string();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--config", file}, {"check-config", "--config", file}}) {
    ServerProcess server(arguments);
    EXPECT_EQ(server.Wait(), 2);
    EXPECT_EQ(server.out(), "");
    EXPECT_EQ(std::ranges::count(server.err(), '\n'), 2) << server.err();
    EXPECT_THAT(server.err(), AllOf(HasSubstr(file + ":1: "), HasSubstr("did you mean \"listen\""),
                                    HasSubstr(file + ":4: ")));
  }
}

TEST(StartTest, CheckConfigPrintsWhatIsInEffect) {
  const TempDir folder;
  const std::string file = folder.Write("rerankd.yaml", "models: [{path: mini}]\n").string();
  ServerProcess server({"check-config"}, {"RERANKD_CONFIG=" + file, "RERANKD_LOG_LEVEL=debug"});
  EXPECT_EQ(server.Wait(), 0) << server.err();
  EXPECT_THAT(server.out(), AllOf(StartsWith("OK\n"), HasSubstr("level: debug"),
                                  HasSubstr("path: " + (folder.path() / "mini").string()),
                                  HasSubstr("listen: [127.0.0.1:0]")));
}

TEST(StartTest, AMistypedFlag) {
  EXPECT_THAT(Refusal({"--lisen", "a:1"}, 2), HasSubstr("did you mean --listen?"));
}

TEST(StartTest, TheAnnotatedExampleIsRight) {
  ServerProcess server(
      {"check-config", "--config",
       ServerProcess::Variable("RERANKD_SOURCE_DIR") + "/deploy/config.example.yaml"});
  EXPECT_EQ(server.Wait(), 0) << server.err();
}

}  // namespace
}  // namespace rerankd
