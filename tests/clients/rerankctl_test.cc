// The real rerankctl against the real gRPC server over fake models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/errors.h"
#include "support/rerank_test_server.h"
#include "support/run_program.h"
#include "support/temp_dir.h"

namespace rerankd::client {
namespace {

using ::testing::HasSubstr;

class RerankctlTest : public testing::Test {
 protected:
  // Runs rerankctl with `input` as its standard input and nothing of our environment.
  Outcome Run(std::vector<std::string> arguments, const std::string& input = "",
              std::vector<std::string> environment = {"COLUMNS=60"}) {
    return RunProgram(RERANKCTL, std::move(arguments), folder_, input, std::move(environment));
  }

  Outcome RunHere(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.end(), {"--target", server_.address()});
    return Run(std::move(arguments), input);
  }

  // Whether the server gets so many calls while a test has patience.
  bool WaitForCalls(size_t calls) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (server_.mini().calls() < calls) {
      if (std::chrono::steady_clock::now() >= give_up) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  RerankTestServer server_;
  TempDir folder_;
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
  const Outcome full =
      RunHere({"rerank", "--query", "q", "--documents", "-", "--retries", "0"}, "a\n");
  EXPECT_EQ(full.code, 1);
  EXPECT_EQ(full.err, "rerankctl: RESOURCE_EXHAUSTED: queue full\n  retry after: 1.5 s\n");
}

TEST_F(RerankctlTest, SendsACallAgainThatTheServerPutOff) {
  server_.mini().FailNext(1, RetryLater("queue full", std::chrono::milliseconds(1)));
  const Outcome outcome = RunHere({"rerank", "--query", "q", "--documents", "-"}, "a\n");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(server_.mini().calls(), 2U);
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
  const Outcome outcome = Run({"models", "--target", target, "--retries", "0"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("UNAVAILABLE"));
  EXPECT_THAT(outcome.err, HasSubstr("is rerankd running at " + target));
}

TEST_F(RerankctlTest, RefusesInvalidUtf8) {
  const Outcome outcome = RunHere({"rerank", "--query", "q", "--documents", "-"}, "a\ncaf\xE9\n");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("standard input:2: not valid UTF-8 (at byte 3 of the line)"));
}

// Two queries. "mini" puts the longest document first: right for the first query only.
constexpr const char* kJudgedQueries =
    R"({"qid": "q1", "query": "one", "docs": [["a", "short"], ["b", "the longest one"], ["c", "x"]]}
{"qid": "q2", "query": "two", "docs": [{"id": "a", "text": "y"}, {"id": "d", "text": "not this"}]}
)";
constexpr const char* kJudgments = "q1 0 b 2\nq1 0 a 0\nq2 0 a 1\n";

TEST_F(RerankctlTest, EvaluatesModels) {
  const std::string data = folder_.Write("data.jsonl", kJudgedQueries).string();
  const std::string qrels = folder_.Write("qrels", kJudgments).string();
  const std::string run = (folder_.path() / "run").string();
  const Outcome outcome =
      RunHere({"eval", "--data", data, "--qrels", qrels, "--models", "mini,large", "--json",
               "--concurrency", "2", "--run-file", run});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");  // no progress of what is over in a moment
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["queries"], 2);
  EXPECT_EQ(json["judged_queries"], 2);
  const double second = 1 / std::log2(3);
  ASSERT_EQ(json["rows"].size(), 3U);
  EXPECT_EQ(json["rows"][0]["model"], "as given");
  EXPECT_DOUBLE_EQ(json["rows"][0]["ndcg_at_10"], (second + 1) / 2);
  EXPECT_DOUBLE_EQ(json["rows"][0]["mrr_at_10"], 0.75);
  EXPECT_TRUE(json["rows"][0]["p50_ms"].is_null());
  EXPECT_EQ(json["rows"][1]["model"], "mini");
  EXPECT_DOUBLE_EQ(json["rows"][1]["ndcg_at_10"], (1 + second) / 2);
  EXPECT_DOUBLE_EQ(json["rows"][1]["mrr_at_10"], 0.75);
  EXPECT_GT(json["rows"][1]["p99_ms"], 0.0);
  EXPECT_EQ(json["rows"][2]["model"], "large");
  EXPECT_EQ(Slurp(run + ".mini"),
            "q1 Q0 b 1 15 mini\nq1 Q0 a 2 5 mini\nq1 Q0 c 3 1 mini\n"
            "q2 Q0 d 1 8 mini\nq2 Q0 a 2 1 mini\n");
  EXPECT_EQ(server_.mini().calls(), 2U);
}

TEST_F(RerankctlTest, EvaluatesEachModelOnceWhateverItsNames) {
  const std::string data = folder_.Write("data.jsonl", kJudgedQueries).string();
  const std::string qrels = folder_.Write("qrels", kJudgments).string();
  const std::string run = (folder_.path() / "run").string();
  const auto rows = [&](const std::string& models) {
    const Outcome outcome = RunHere({"eval", "--data", data, "--qrels", qrels, "--models", models,
                                     "--json", "--run-file", run});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    std::vector<std::string> names;
    const auto json = nlohmann::json::parse(outcome.out);
    for (const auto& row : json.at("rows")) names.push_back(row.at("model"));
    return names;
  };
  EXPECT_THAT(rows("small,mini,large,mini,large"),
              testing::ElementsAre("as given", "mini", "large"));
  EXPECT_EQ(server_.mini().calls(), 2U);
  EXPECT_EQ(server_.large().calls(), 2U);
  EXPECT_THAT(rows("mini,mini"), testing::ElementsAre("as given", "mini"));
  EXPECT_THAT(Slurp(run), testing::StartsWith("q1 Q0 b 1 15 mini\n")) << "it is the only one";
}

TEST_F(RerankctlTest, EvaluatesTheDefaultModelOnTheFirstDocuments) {
  const std::string data = folder_.Write("data.jsonl", kJudgedQueries).string();
  const std::string qrels = folder_.Write("qrels", kJudgments).string();
  const Outcome outcome = RunHere(
      {"eval", "--data", data, "--qrels", qrels, "--top-k-docs", "1", "--relevant", "2", "--plot"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, testing::StartsWith("2 queries, 2 of them with a relevant document\n"
                                               "model     nDCG@10   MRR@10     p50 ms"));
  EXPECT_THAT(outcome.out, HasSubstr("\nmini"));
  EXPECT_THAT(outcome.out, HasSubstr("as given  0.5000  ██"));
  EXPECT_EQ(server_.mini().last_request()->documents.size(), 1U);
}

TEST_F(RerankctlTest, QueriesWithoutAnAnswerMakeTheEvaluationFail) {
  const std::string data = folder_.Write("data.jsonl", kJudgedQueries).string();
  const std::string qrels = folder_.Write("qrels", kJudgments).string();
  const std::vector<std::string> arguments = {"eval", "--data", data, "--qrels", qrels};
  const auto with = [&arguments](std::vector<std::string> more) {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return more;
  };
  const Outcome unknown = RunHere(with({"--models", "nope,mini"}));
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("NOT_FOUND"));
  EXPECT_THAT(unknown.err, HasSubstr("nope: no answer to 2 of 2 queries"));
  EXPECT_THAT(unknown.out, HasSubstr("\nmini"));  // the other model is measured all the same

  // Asked to come back later, it does, for as long as the deadline allows.
  server_.mini().FailWith(RetryLater("queue full", std::chrono::milliseconds(20)));
  const Outcome busy = RunHere(with({"--deadline", "0.2"}));
  EXPECT_EQ(busy.code, 1);
  EXPECT_THAT(busy.err, HasSubstr("queue full"));
  EXPECT_GT(server_.mini().calls(), 4U);

  const Outcome nobody = Run(with({"--target", "unix:" + (folder_.path() / "nobody").string()}));
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.err, HasSubstr("is rerankd running at"));
}

TEST_F(RerankctlTest, EvaluationSaysWhatIsWrongWithItsFiles) {
  const std::string data = folder_.Write("data.jsonl", kJudgedQueries).string();
  const std::string broken = folder_.Write("broken.jsonl", "{\"qid\": 1}\n").string();
  const std::string qrels = folder_.Write("qrels", kJudgments).string();
  const std::string others = folder_.Write("others", "q9 0 a 1\nq1 0 a 0\n").string();
  const auto error = [this](const std::string& data_file, const std::string& qrels_file) {
    const Outcome outcome = RunHere({"eval", "--data", data_file, "--qrels", qrels_file});
    EXPECT_EQ(outcome.code, 2);
    return outcome.err;
  };
  EXPECT_EQ(error(broken, qrels),
            "rerankctl: " + broken + ":1: \"query\" must be a string that is not empty\n");
  EXPECT_EQ(error(data, data),
            "rerankctl: " + data + ":1: must be \"qid 0 docid grade\", the grade a whole number\n");
  EXPECT_EQ(error(data, others), "rerankctl: " + others +
                                     ": has no judgment with a grade above 0 of any query in " +
                                     data + "\n");
  EXPECT_EQ(error("/nowhere", qrels), "rerankctl: /nowhere: No such file or directory\n");
  const Outcome unwritable =
      RunHere({"eval", "--data", data, "--qrels", qrels, "--run-file", "/nowhere/run"});
  EXPECT_EQ(unwritable.code, 2);
  EXPECT_THAT(unwritable.err, HasSubstr("/nowhere/run: No such file or directory"));
}

TEST_F(RerankctlTest, BenchSendsWhatItIsGiven) {
  const Outcome outcome = RunHere({"bench", "--query", "q", "--documents", "-", "--calls", "20",
                                   "--concurrency", "2", "--model", "large", "--json"},
                                  "a\nbb\n");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");  // no progress of what is over in a moment
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["loop"], "closed");
  EXPECT_EQ(json["answered"], 20);
  EXPECT_EQ(json["failed"], 0);
  EXPECT_EQ(json["documents_per_call"], 2);
  EXPECT_EQ(json["interrupted"], false);
  EXPECT_LE(json["latency_ms"]["p50"], json["latency_ms"]["p99"]);
  EXPECT_LE(json["latency_ms"]["p99"], json["latency_ms"]["max"]);
  EXPECT_EQ(server_.large().calls(), 21U) << "one more than is counted";
  EXPECT_EQ(server_.large().last_request()->documents, (std::vector<std::string>{"a", "bb"}));
}

TEST_F(RerankctlTest, BenchGeneratesARequestAndKeepsARate) {
  const Outcome outcome =
      RunHere({"bench", "--generate", "7", "--words", "3", "--rate", "200", "--duration", "0.1"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, testing::StartsWith("open loop, 200 calls/s"));
  EXPECT_THAT(outcome.out, HasSubstr("\n20 answered, 0 failed in "));
  EXPECT_THAT(outcome.out, HasSubstr("p99.9"));
  EXPECT_EQ(server_.mini().last_request()->documents.size(), 7U);
}

TEST_F(RerankctlTest, BenchCountsWhatWasRefused) {
  server_.mini().Behave([calls = std::make_shared<std::atomic<int>>(0)](
                            const RerankRequest& request, Reranker::Done done) {
    if (++*calls % 2 == 0) {
      std::move(done)(RetryLater("queue full", std::chrono::seconds(1)));
    } else {
      std::move(done)(FakeReranker::Score(request));
    }
  });
  const Outcome outcome = RunHere({"bench", "--calls", "10", "--json"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("queue full"));
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["answered"], 5);
  EXPECT_EQ(json["errors"], nlohmann::json({{"RESOURCE_EXHAUSTED", 5}}));
  EXPECT_EQ(server_.mini().calls(), 11U) << "nothing is sent again";
}

TEST_F(RerankctlTest, BenchSaysAtOnceWhatNoCallCouldDo) {
  const Outcome outcome = RunHere({"bench", "--model", "nope"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("NOT_FOUND"));
  EXPECT_EQ(outcome.out, "");
}

TEST_F(RerankctlTest, BenchRefusesAFileWithoutDocuments) {
  const Outcome outcome = RunHere({"bench", "--documents", "/dev/null"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, "rerankctl: /dev/null: holds no documents\n");
  EXPECT_EQ(server_.mini().calls(), 0U);
}

TEST_F(RerankctlTest, BenchSendsACallHoweverShortItsTimeIs) {
  const Outcome outcome = RunHere({"bench", "--duration", "0.001", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_GE(nlohmann::json::parse(outcome.out)["answered"], 1);
}

TEST_F(RerankctlTest, AnInterruptedBenchPrintsWhatItHasMeasured) {
  const Outcome outcome = RunProgram(
      RERANKCTL, {"bench", "--duration", "3600", "--json", "--target", server_.address()}, folder_,
      "", {}, [this](pid_t bench) {
        EXPECT_TRUE(WaitForCalls(6));
        server_.mini().HoldBack();
        EXPECT_TRUE(server_.mini().WaitForHeld(1));
        kill(bench, SIGINT);
        EXPECT_TRUE(server_.mini().WaitForCancelled(1)) << "nothing is left running";
      });
  EXPECT_EQ(outcome.code, 128 + SIGINT);
  EXPECT_EQ(outcome.err, "rerankctl: interrupted (SIGINT)\n");
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["interrupted"], true);
  EXPECT_GE(json["answered"], 5);
  EXPECT_EQ(json["failed"], 0) << "the call that was cut short is no failure of the server";
  EXPECT_GT(json["latency_ms"]["p50"], 0);
}

TEST_F(RerankctlTest, ABenchThatWaitsForItsNextCallIsInterrupted) {
  const Outcome outcome = RunProgram(
      RERANKCTL, {"bench", "--rate", "0.001", "--calls", "2", "--target", server_.address()},
      folder_, "", {}, [this](pid_t bench) {
        EXPECT_TRUE(WaitForCalls(2));
        kill(bench, SIGTERM);
      });
  EXPECT_EQ(outcome.code, 128 + SIGTERM);
  EXPECT_THAT(outcome.out, HasSubstr("; interrupted\n"));
  EXPECT_THAT(outcome.err, HasSubstr("interrupted (SIGTERM)"));
}

TEST_F(RerankctlTest, ABenchThatIsInterruptedBeforeItsFirstAnswerHasNothingToPrint) {
  server_.mini().HoldBack();
  const Outcome outcome = RunProgram(RERANKCTL, {"bench", "--target", server_.address()}, folder_,
                                     "", {}, [this](pid_t bench) {
                                       EXPECT_TRUE(server_.mini().WaitForHeld(1));
                                       kill(bench, SIGINT);
                                     });
  EXPECT_EQ(outcome.code, 128 + SIGINT);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "rerankctl: interrupted (SIGINT)\n");
}

TEST_F(RerankctlTest, AKeyWhoseLineCannotBePrintedIsNotKept) {
  const std::string file = (folder_.path() / "key").string();
  const Outcome outcome = RunProgram(
      "/bin/sh", {"-c", "exec \"$0\" \"$@\" > /dev/full", RERANKCTL, "key", "ops", "--out", file},
      folder_, "", {});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, "rerankctl: cannot write the output; no key was made\n");
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(Run({"key", "ops", "--out", file}).code, 0);
}

TEST_F(RerankctlTest, SaysItsVersion) {
  const Outcome outcome = Run({"--version"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, testing::MatchesRegex("rerankctl [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_F(RerankctlTest, TopSaysWhatIsWrongWithTheAddress) {
  const Outcome empty = Run({"top", "--metrics", ""});
  EXPECT_EQ(empty.code, 2);
  EXPECT_EQ(empty.err, "rerankctl: --metrics is empty; give host:port, or a URL\n");
  const Outcome wrong = Run({"top", "--metrics", "ftp://host"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("--metrics "));
}

// What a real bash completes after `words`, the last of which is being typed.
TEST_F(RerankctlTest, CompletesCommandsOptionsAndValues) {
  const Outcome script = Run({"completion", "bash"});
  ASSERT_EQ(script.code, 0) << script.err;
  const std::string file = folder_.Write("completion", script.out).string();
  const auto complete = [&](const std::string& words, int current) {
    const Outcome outcome = RunProgram(
        "/usr/bin/env",
        {"bash", "-c",
         "source '" + file + "'; COMP_WORDS=(" + words + ") COMP_CWORD=" + std::to_string(current) +
             "; _rerankctl; echo \"${COMPREPLY[*]}\""},
        folder_, "", {"PATH=/usr/bin:/bin"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  };
  EXPECT_EQ(complete("rerankctl be", 1), "bench\n");
  EXPECT_EQ(complete("rerankctl rer", 1), "rerank\n");
  EXPECT_EQ(complete("rerankctl rerank --tru", 2), "--truncation\n");
  EXPECT_EQ(complete("rerankctl rerank --format l", 3), "lines\n");
  EXPECT_EQ(complete("rerankctl --json rerank --format j", 4), "jsonl\n");
  EXPECT_EQ(complete("rerankctl rerank --documents d", 3), "\n") << "left to bash: a file";
  EXPECT_EQ(complete("rerankctl health --targ", 2), "--target\n");
  EXPECT_EQ(complete("rerankctl health --run-f", 2), "\n") << "an option of another command";
  EXPECT_EQ(complete("rerankctl --target bench hea", 3), "health\n") << "a host named bench";
  EXPECT_EQ(complete("rerankctl --target = bench : 50051 hea", 6), "health\n") << "as bash cuts it";
  EXPECT_EQ(complete("rerankctl --target bench : 50051 health --wa", 6), "--wait\n");
  EXPECT_EQ(complete("rerankctl health --hel", 2), "--help\n") << "once";
  EXPECT_EQ(complete("rerankctl --ver", 1), "--version\n");
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
      {"eval", "--data", "x"},
      {"eval", "--data", "x", "--qrels", "x", "--concurrency", "0"},
      {"eval", "--data", "x", "--qrels", "x", "--relevant", "0"},
      {"eval", "--data", "x", "--qrels", "x", "--top-k-docs", "-1"},
      {"health", "--deadline", "0"},
      {"health", "--retries", "-1"},
      {"completion", "fish"},
      {"bench", "--rate", "0"},
      {"bench", "--rate", "nan"},
      {"bench", "--concurrency", "0"},
      {"bench", "--calls", "5", "--duration", "1"},
      {"bench", "--documents", "/nowhere/at/all"},
      {"health", "--ca-file", "/nowhere/at/all"},
  };
  for (const auto& arguments : cases) {
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 2) << testing::PrintToString(arguments);
    EXPECT_NE(outcome.err, "") << testing::PrintToString(arguments);
    EXPECT_EQ(outcome.out, "") << testing::PrintToString(arguments);
  }
  EXPECT_EQ(server_.mini().calls(), 0);
}

TEST_F(RerankctlTest, EvaluationRefusesANumberOfDocumentsBelowNone) {
  const std::string data = folder_.Write("data.jsonl", kJudgedQueries).string();
  const std::string qrels = folder_.Write("qrels", kJudgments).string();
  for (const char* value : {"-1", "5000000000", "1.5"}) {
    const Outcome outcome =
        RunHere({"eval", "--data", data, "--qrels", qrels, "--top-k-docs", value});
    EXPECT_EQ(outcome.code, 2) << value;
    EXPECT_THAT(outcome.err, HasSubstr("--top-k-docs"));
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
