// The real rerankctl against the real gRPC server over fake models.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/errors.h"
#include "support/rerank_test_server.h"
#include "support/temp_dir.h"

namespace rerankd::client {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

std::string Slurp(const std::filesystem::path& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

class RerankctlTest : public testing::Test {
 protected:
  // Runs rerankctl with `input` as its standard input and nothing of our environment.
  Outcome Run(std::vector<std::string> arguments, const std::string& input = "",
              std::vector<std::string> environment = {"COLUMNS=60"}) {
    const std::string in = folder_.Write("in", input).string();
    const std::string out = (folder_.path() / "out").string();
    const std::string err = (folder_.path() / "err").string();
    arguments.insert(arguments.begin(), RERANKCTL);
    const std::vector<char*> argv = Pointers(arguments);
    const std::vector<char*> envp = Pointers(environment);
    const pid_t child = fork();
    if (child == 0) {
      Redirect(in, O_RDONLY, STDIN_FILENO);
      Redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
      Redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
      execve(RERANKCTL, argv.data(), envp.data());
      _exit(127);
    }
    Outcome outcome;
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
    outcome.code = WEXITSTATUS(status);
    outcome.out = Slurp(out);
    outcome.err = Slurp(err);
    return outcome;
  }

  Outcome RunHere(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.end(), {"--target", server_.address()});
    return Run(std::move(arguments), input);
  }

  RerankTestServer server_;
  TempDir folder_;

 private:
  static std::vector<char*> Pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (std::string& string : strings) out.push_back(string.data());
    out.push_back(nullptr);
    return out;
  }
  static void Redirect(const std::string& path, int flags, int onto) {
    const int fd = open(path.c_str(), flags, 0600);
    if (fd < 0 || dup2(fd, onto) < 0) _exit(126);
  }
};

TEST_F(RerankctlTest, PrintsATable) {
  const Outcome outcome = RunHere({"rerank", "--query", "q", "--documents", "-", "--top-k", "2"},
                                  "one\nthe third is the longest of all these documents\nthree\n");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            " rank       score   index  text\n"
            "    1   47.000000       1  the third is the longest of all …\n"
            "    2    5.000000       2  three\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(RerankctlTest, PrintsJson) {
  const auto file = folder_.Write("docs.jsonl", "{\"text\": \"a\"}\n\"bb\"\n");
  const Outcome outcome = RunHere({"rerank", "--query", "q", "--documents", file.string(), "--json",
                                   "--model", "large", "--sigmoid", "--return-documents",
                                   "--request-id", "id-7", "--truncation", "refuse"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["model"], "large");
  EXPECT_EQ(json["score_kind"], "sigmoid");
  EXPECT_EQ(json["request_id"], "id-7");
  ASSERT_EQ(json["results"].size(), 2);
  EXPECT_EQ(json["results"][0]["index"], 1);
  EXPECT_EQ(json["results"][0]["score"], 2.0);
  EXPECT_EQ(json["results"][0]["document"], "bb");
  EXPECT_EQ(server_.large().last_request()->truncation, Truncation::kRefuse);
}

TEST_F(RerankctlTest, TakesTheTargetFromTheEnvironment) {
  const Outcome outcome = Run({"health"}, "", {"RERANKD_TARGET=" + server_.address()});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "SERVING\n");
}

TEST_F(RerankctlTest, ListsModels) {
  const Outcome table = RunHere({"models"});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("mini (default)"));
  EXPECT_THAT(table.out, HasSubstr("large"));
  const Outcome json = RunHere({"models", "--json"});
  EXPECT_EQ(nlohmann::json::parse(json.out)["models"][1]["name"], "large");
}

TEST_F(RerankctlTest, LoadsAndUnloads) {
  const Outcome refused = RunHere({"unload", "mini"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("ADMIN_DISABLED"));
  ServiceOptions options = RerankTestServer::FreePort();
  options.admin = true;
  const RerankTestServer server(options);
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--target", server.address()});
    return Run(std::move(arguments));
  };
  const Outcome unload = run({"unload", "small"});
  EXPECT_EQ(unload.code, 0) << unload.err;
  EXPECT_THAT(unload.out, HasSubstr("not_loaded"));
  const Outcome load = run({"load", "mini", "--json"});
  EXPECT_EQ(load.code, 0) << load.err;
  EXPECT_EQ(nlohmann::json::parse(load.out)["state"], "ready");
  EXPECT_EQ(run({"reload", "mini"}).code, 0);
  EXPECT_EQ(run({"reload"}).code, 2);
}

TEST_F(RerankctlTest, TellsHealth) {
  EXPECT_EQ(RunHere({"health", "--model", "large"}).code, 0);
  EXPECT_EQ(RunHere({"health", "--wait", "60", "--json"}).out, "{\n  \"status\": \"SERVING\"\n}\n");
  const Outcome unknown = RunHere({"health", "--model", "nope"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("NOT_FOUND"));
  server_.server().BeginShutdown();
  const Outcome draining = RunHere({"health"});
  EXPECT_EQ(draining.code, 1);
  EXPECT_EQ(draining.out, "NOT_SERVING\n");
  EXPECT_EQ(RunHere({"health", "--wait", "0.3"}).code, 1);
}

TEST_F(RerankctlTest, SaysWhatTheServerSaid) {
  const Outcome empty =
      RunHere({"rerank", "--query", "q", "--documents", "-", "--format", "jsonl"}, "\"a\"\n\"\"\n");
  EXPECT_EQ(empty.code, 1);
  EXPECT_EQ(empty.out, "");
  EXPECT_EQ(empty.err,
            "rerankctl: INVALID_ARGUMENT: documents[1] is empty\n"
            "  field: documents[1]\n"
            "  reason: EMPTY_FIELD\n");
  server_.mini().FailWith(RetryLater("queue full", std::chrono::milliseconds(1500)));
  const Outcome full = RunHere({"rerank", "--query", "q", "--documents", "-"}, "a\n");
  EXPECT_EQ(full.code, 1);
  EXPECT_EQ(full.err, "rerankctl: RESOURCE_EXHAUSTED: queue full\n  retry after: 1.5 s\n");
}

TEST_F(RerankctlTest, FailsAtTheDeadline) {
  server_.mini().HoldBack();
  const Outcome outcome =
      RunHere({"rerank", "--query", "q", "--documents", "-", "--deadline", "0.2"}, "a\n");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("DEADLINE_EXCEEDED"));
}

TEST_F(RerankctlTest, SaysThatNobodyListens) {
  const std::string target = "unix:" + (folder_.path() / "nobody").string();
  const Outcome outcome = Run({"models", "--target", target});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("UNAVAILABLE"));
  EXPECT_THAT(outcome.err, HasSubstr("is rerankd running at " + target));
}

TEST_F(RerankctlTest, RefusesInvalidUtf8) {
  const Outcome outcome = RunHere({"rerank", "--query", "q", "--documents", "-"}, "a\ncaf\xE9\n");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("standard input:2: not valid UTF-8 (at byte 3 of the line)"));
}

TEST_F(RerankctlTest, WrongUsageIsTwo) {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"dance"},
      {"rerank", "--query", "q"},
      {"rerank", "--query", "q", "--documents", "-", "--raw", "--sigmoid"},
      {"rerank", "--query", "q", "--documents", "-", "--top-k", "-1"},
      {"rerank", "--query", "q", "--documents", "-", "--format", "csv"},
      {"rerank", "--query", "q", "--documents", "/nowhere/at/all"},
      {"rerank", "--query", "q", "--documents", "/"},
      {"health", "--wait", "soon"},
      {"health", "--deadline", "0"},
  };
  for (const auto& arguments : cases) {
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 2) << testing::PrintToString(arguments);
    EXPECT_NE(outcome.err, "") << testing::PrintToString(arguments);
    EXPECT_EQ(outcome.out, "") << testing::PrintToString(arguments);
  }
  EXPECT_EQ(server_.mini().calls(), 0);
}

TEST_F(RerankctlTest, NumbersThatMeanNothingAreRefused) {
  const std::vector<std::string> call = {"rerank", "--query", "q", "--documents", "-"};
  for (const auto& [flag, value] :
       {std::pair("--deadline", "nan"), std::pair("--deadline", "inf"),
        std::pair("--top-k", "5000000000"), std::pair("--top-k", "-1")}) {
    std::vector<std::string> arguments = call;
    arguments.insert(arguments.end(), {flag, value});
    const Outcome outcome = Run(arguments, "a\n");
    EXPECT_EQ(outcome.code, 2) << flag << " " << value;
    EXPECT_THAT(outcome.err, HasSubstr(flag));
    EXPECT_LT(outcome.err.size(), 300U) << outcome.err;
  }
}

TEST_F(RerankctlTest, HelpExplainsTheExitCodes) {
  const Outcome outcome = Run({"--help"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("Exit codes: 0 "));
  EXPECT_THAT(outcome.out, HasSubstr("RERANKD_TARGET"));
}

}  // namespace
}  // namespace rerankd::client
