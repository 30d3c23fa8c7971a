// /metrics of the real program: what is there, what it counts, what is not in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "http/curl_http_client.h"
#include "integration/fixtures.h"
#include "rerank/v1/model_admin.grpc.pb.h"
#include "security/api_keys.h"
#include "support/fake_providers.h"
#include "support/metrics_text.h"
#include "support/run_program.h"
#include "support/temp_dir.h"
#include "support/test_certificates.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;
using Labels = MetricsText::Labels;

std::string MetricsAddress(ServerProcess& server) {
  constexpr std::string_view kAt = "metrics: address=";
  if (!server.WaitForOutput(kAt) || !server.WaitForOutput("serving: ")) {
    ADD_FAILURE() << server.err() << server.out();
    return "";
  }
  const std::string text = server.out();
  const size_t begin = text.find(kAt) + kAt.size();
  return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

class MetricsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("no_proxy", "*", 1); }

  void Start(const std::string& settings, const std::vector<std::string>& environment = {},
             const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"--config",
                                          folder_.Write("rerankd.yaml", settings).string(),
                                          "--metrics-listen", "127.0.0.1:0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    server_.emplace(arguments, environment);
    url_ = "http://" + MetricsAddress(*server_) + "/metrics";
    channel_ = Dial(server_->Address());
  }

  std::string Page() const {
    CurlHttpClient client({.user_agent = "test"});
    const auto response = client.Send({.url = url_}, nullptr, {});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->body : "";
  }
  MetricsText Scrape() const { return MetricsText(Page()); }

  // Waits until a series has a value that is right; what ends a call is counted before its caller
  // hears of it, what a session does may be a moment later.
  double Await(const std::string& name, const Labels& labels,
               const std::function<bool(double)>& right) const {
    const auto most = steady_clock::now() + Process::kPatience;
    double value = 0;
    do {
      value = Scrape().Value(name, labels);
      if (right(value)) return value;
      std::this_thread::sleep_for(milliseconds(5));
    } while (steady_clock::now() < most);
    ADD_FAILURE() << name << " stays at " << value;
    return value;
  }
  double Await(const std::string& name, const Labels& labels, double right) const {
    return Await(name, labels, [right](double value) { return value == right; });
  }

  grpc::Status Ask(const std::string& model, std::string query = "which?",
                   std::vector<std::string> documents = {"one", "two"}) const {
    rerank::v1::RerankRequest request = MakeRequest(std::move(query), documents);
    request.set_model(model);
    grpc::ClientContext context;
    Prepare(context);
    rerank::v1::RerankResponse response;
    return rerank::v1::RerankService::NewStub(channel_)->Rerank(&context, request, &response);
  }
  void Prepare(grpc::ClientContext& context) const {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    if (!key_.empty()) context.AddMetadata("x-api-key", key_);
  }

  template <typename Request, typename Response>
  void Command(grpc::Status (rerank::v1::ModelAdminService::Stub::*method)(grpc::ClientContext*,
                                                                           const Request&,
                                                                           Response*),
               const std::string& name) const {
    rerank::v1::ModelAdminService::Stub stub(channel_);
    grpc::ClientContext context;
    Prepare(context);
    Request request;
    request.set_name(name);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  void Load(const std::string& name) const {
    Command(&rerank::v1::ModelAdminService::Stub::LoadModel, name);
  }
  void Reload(const std::string& name) const {
    Command(&rerank::v1::ModelAdminService::Stub::ReloadModel, name);
  }
  void Unload(const std::string& name) const {
    Command(&rerank::v1::ModelAdminService::Stub::UnloadModel, name);
  }

  TempDir folder_;
  std::optional<ServerProcess> server_;
  std::string url_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string key_;  // that calls show; empty: none
};

// "name type label,label" of each row of docs/OPERATIONS.md.
std::set<std::string> Documented() {
  std::ifstream file(ServerProcess::Variable("RERANKD_SOURCE_DIR") + "/docs/OPERATIONS.md");
  std::set<std::string> rows;
  bool in_section = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) in_section = line == "## Metrics";
    if (!in_section || !line.starts_with("| `")) continue;
    std::erase_if(line, [](char c) { return c == '`' || c == ' '; });
    std::istringstream cells(line.substr(1));
    std::string name;
    std::string type;
    std::string labels;
    std::getline(cells, name, '|');
    std::getline(cells, type, '|');
    std::getline(cells, labels, '|');
    rows.insert(name + " " + type + " " + (labels == "–" ? "" : labels));
  }
  return rows;
}

TEST_F(MetricsTest, ThePageHasWhatTheDocumentationListsAndNothingElse) {
  const FakeProviders fake;
  const PemPair pair = TestAuthority().Issue({});
  folder_.Write("tls.crt", pair.certificate);
  folder_.Write("tls.key", pair.key);
  key_ = "s3ntinel-key-of-ours";
  folder_.Write("keys", FormatApiKey({.tenant = "ops", .hash = HashOf(key_), .admin = true}));
  // Over a Unix socket calls need no TLS.
  Start(
      "admin: true\nkeys_file: keys\ntls: {certificate: tls.crt, key: tls.key}\n"
      "tracing: {endpoint: \"127.0.0.1:1\"}\nmodels:\n  - {name: local, path: " +
          TestModel("tiny-cross-encoder") + "}\n" +
          "  - {name: hosted, kind: voyage, model: rerank-2.5, base_url: " + fake.Url("http") +
          "/voyage, max_retries: 0, fallback: [local]}\n",
      {"VOYAGE_API_KEY=s3ntinel-key"}, {"--listen", "unix:" + (folder_.path() / "s").string()});
  EXPECT_TRUE(Ask("local").ok());
  EXPECT_TRUE(Ask("hosted").ok());
  EXPECT_TRUE(Ask("hosted", "fault:status:503").ok()) << "its fallback answers";
  EXPECT_EQ(Ask("nobody").error_code(), grpc::StatusCode::NOT_FOUND);
  Reload("local");
  EXPECT_EQ(Scrape().Families(), Documented());
}

TEST_F(MetricsTest, TenantsAreCountedAndStrangersAreNot) {
  const auto line = [](const std::string& tenant, const std::string& key, TokenRate rate) {
    return FormatApiKey({.tenant = tenant, .hash = HashOf(key), .rate = rate}) + "\n";
  };
  folder_.Write("keys", line("small", "one", {1, 1}) + line("large", "two", {}));
  Start("keys_file: keys\nmodels:\n  - {name: tiny, path: " + TestModel("tiny-cross-encoder") +
        "}\n");
  key_ = "one";
  EXPECT_TRUE(Ask("tiny").ok());
  EXPECT_EQ(Ask("tiny").error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  key_ = "two";
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Ask("tiny").ok());
  key_ = "s3ntinel-guess";
  EXPECT_EQ(Ask("tiny").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  const MetricsText text = Scrape();
  const auto of = [&](const std::string& tenant, const std::string& what) {
    return text.Value("rerankd_tenant_" + what + "_total", {{"tenant", tenant}});
  };
  EXPECT_EQ(of("small", "calls"), 2);
  EXPECT_EQ(of("small", "quota_refusals"), 1);
  EXPECT_EQ(of("large", "calls"), 3);
  EXPECT_EQ(of("large", "quota_refusals"), 0);
  EXPECT_GT(of("small", "tokens"), 0);
  EXPECT_EQ(of("large", "tokens"), 3 * of("small", "tokens"));
  EXPECT_FALSE(text.Has("rerankd_tenant_calls_total", {{"tenant", ""}}));
  EXPECT_THAT(Page(), Not(HasSubstr("s3ntinel")));
}

TEST_F(MetricsTest, CallsAreCountedByModelMethodAndCode) {
  Start("models:\n  - {name: tiny, aliases: [small], path: " + TestModel("tiny-cross-encoder") +
        "}\n");
  const auto calls = [&](const std::string& model, const std::string& code) {
    return Scrape().Value("rerankd_calls_total",
                          {{"model", model}, {"method", "Rerank"}, {"code", code}});
  };
  EXPECT_TRUE(Ask("").ok());
  EXPECT_TRUE(Ask("small").ok());
  EXPECT_TRUE(Ask("tiny", "which?", std::vector<std::string>(50, "a document")).ok());
  EXPECT_EQ(calls("tiny", "OK"), 3);
  const MetricsText text = Scrape();
  EXPECT_EQ(text.Value("rerankd_call_documents_sum", {{"model", "tiny"}}), 54);
  EXPECT_EQ(text.Value("rerankd_compute_seconds_count", {{"model", "tiny"}}), 3);
  EXPECT_GT(text.Value("rerankd_compute_seconds_sum", {{"model", "tiny"}}), 0);
  EXPECT_EQ(
      text.Value("rerankd_call_duration_seconds_count", {{"model", "tiny"}, {"method", "Rerank"}}),
      3);
  // What was computed is what was read for the calls, and for the warm-up.
  const double read = text.Value("rerankd_tokens_total", {{"model", "tiny"}});
  EXPECT_GT(read, 54 * 4);
  Await("rerankd_batch_tokens_sum", {{"model", "tiny"}}, [&](double sum) { return sum > read; });

  const std::string name = "t3xt-of-a-stranger";
  EXPECT_EQ(Ask(name).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Ask("tiny", "").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(calls("", "NOT_FOUND"), 1);
  EXPECT_EQ(calls("", "INVALID_ARGUMENT"), 1);
  const size_t lines = std::ranges::count(Page(), '\n');
  for (int i = 0; i < 20; ++i) Ask(name + std::to_string(i));
  EXPECT_EQ(std::ranges::count(Page(), '\n'), lines) << "unknown names make no series";
  EXPECT_EQ(calls("", "NOT_FOUND"), 21);
  EXPECT_THAT(Page(), Not(HasSubstr("t3xt")));
}

TEST_F(MetricsTest, ShowsThatAModelIsBusyAndWhoWentAway) {
  Start("log: {level: debug}\nmodels:\n  - {name: " + DefaultModelName() +
        ", path: " + DefaultModel() + ", sessions: 1, max_queued_documents: 4500}\n");
  const Labels model = {{"model", DefaultModelName()}};
  const auto abandoned = [](const std::string& stage) {
    return Labels{{"model", DefaultModelName()}, {"stage", stage}, {"cause", "cancelled"}};
  };
  AsyncRerank first(channel_, LongWork(2000));
  ASSERT_TRUE(HasAccepted(*server_, 2000));
  Await("rerankd_sessions_busy", model, 1);
  AsyncRerank second(channel_, LongWork(2001));  // longer, so its turn is after the first one's
  ASSERT_TRUE(HasAccepted(*server_, 2001));
  MetricsText text = Scrape();
  EXPECT_EQ(text.Value("rerankd_queue_documents", model), 4001);
  EXPECT_EQ(text.Value("rerankd_queue_documents_limit", model), 4500);
  EXPECT_EQ(text.Value("rerankd_calls_in_progress"), 2);
  EXPECT_EQ(text.Value("rerankd_calls_in_progress_limit"), 1024);
  AsyncRerank refused(channel_, LongWork(500));
  EXPECT_EQ(refused.Wait().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Scrape().Value("rerankd_shed_calls_total",
                           {{"model", DefaultModelName()}, {"reason", "queue_full"}}),
            1);
  second.Cancel();
  Await("rerankd_abandoned_calls_total", abandoned("before_start"), 1);
  first.Cancel();
  Await("rerankd_abandoned_calls_total", abandoned("after_start"), 1);
  Await("rerankd_queue_documents", model, 0);
  Await("rerankd_sessions_busy", model, 0);
  Await("rerankd_calls_in_progress", {}, 0);
  EXPECT_GT(Scrape().Value("rerankd_batch_sequences_count", model), 0);
}

TEST_F(MetricsTest, AModelComesGoesAndComesBackWithItsCounts) {
  Start("admin: true\nmodels:\n  - {name: stays, path: " + TestModel("tiny-cross-encoder") +
        "}\n  - {name: goes, load: on_demand, path: " + TestModel("tiny-bi-encoder") +
        ", kind: bi_encoder, sessions: 2}\n");
  const auto state = [&](const std::string& name) {
    return Scrape().Value("rerankd_model_state", {{"model", "goes"}, {"state", name}});
  };
  const Labels goes = {{"model", "goes"}};
  const Labels ok = {{"model", "goes"}, {"method", "Rerank"}, {"code", "OK"}};
  EXPECT_EQ(state("not_loaded"), 1);
  EXPECT_EQ(Scrape().Value("rerankd_model_can_serve", goes), 1);
  EXPECT_EQ(Scrape().Value("rerankd_sessions", goes), 0);
  EXPECT_TRUE(Ask("goes").ok());
  EXPECT_EQ(state("ready"), 1);
  EXPECT_EQ(state("not_loaded"), 0);
  Await("rerankd_sessions", goes, 2);
  Reload("goes");
  EXPECT_TRUE(Ask("goes").ok());
  EXPECT_EQ(Scrape().Value("rerankd_calls_total", ok), 2);
  Await("rerankd_sessions", goes, 2);
  Unload("goes");
  EXPECT_EQ(state("not_loaded"), 1);
  Await("rerankd_sessions", goes, 0);
  Load("goes");
  EXPECT_TRUE(Ask("goes").ok());
  const MetricsText text = Scrape();
  EXPECT_EQ(text.Value("rerankd_calls_total", ok), 3);
  EXPECT_EQ(text.Value("rerankd_model_loads_total", {{"model", "goes"}, {"result", "ok"}}), 3);
  EXPECT_EQ(text.Value("rerankd_queue_documents", goes), 0);
  EXPECT_GT(text.Value("rerankd_model_load_seconds", goes), 0);
}

TEST_F(MetricsTest, AProviderInTroubleShows) {
  const FakeProviders fake;
  Start("models:\n  - {name: local, path: " + TestModel("tiny-cross-encoder") + "}\n" +
            "  - {name: hosted, kind: voyage, model: rerank-2.5, base_url: " + fake.Url("http") +
            "/voyage, retry_delay: 1ms}\n" +
            "  - {name: dead, kind: voyage, model: rerank-2.5, base_url: \"http://127.0.0.1:1\", "
            "breaker_calls: 2, breaker_open: 1h, max_retries: 0}\n",
        {"VOYAGE_API_KEY=s3ntinel-key"});
  EXPECT_TRUE(Ask("hosted").ok());
  EXPECT_TRUE(Ask("hosted", "fault:burst:503:2").ok());
  EXPECT_FALSE(Ask("hosted", "fault:status:400").ok());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Ask("dead").ok());
  const std::string page = Page();
  EXPECT_THAT(page, Not(HasSubstr("s3ntinel")));
  const MetricsText text(page);
  const auto of_dead = [&](const std::string& what, const std::string& label,
                           const std::string& value) {
    return text.Value("rerankd_provider_" + what, {{"model", "dead"}, {label, value}});
  };
  EXPECT_EQ(of_dead("requests_total", "outcome", "no_answer"), 2);
  EXPECT_EQ(of_dead("breaker_state", "state", "open"), 1);
  EXPECT_EQ(of_dead("breaker_state", "state", "closed"), 0);
  const Labels hosted = {{"model", "hosted"}};
  const auto requests = [&](const std::string& outcome) {
    return text.Value("rerankd_provider_requests_total",
                      {{"model", "hosted"}, {"outcome", outcome}});
  };
  EXPECT_EQ(requests("2xx"), 2);
  EXPECT_EQ(requests("5xx"), 2);
  EXPECT_EQ(requests("4xx"), 1);
  EXPECT_EQ(text.Value("rerankd_provider_retries_total", hosted), 2);
  EXPECT_EQ(text.Value("rerankd_provider_request_duration_seconds_count", hosted), 5);
  EXPECT_EQ(text.Value("rerankd_provider_key_wait_seconds_count", hosted), 5);
  EXPECT_EQ(text.Value("rerankd_provider_calls_running", hosted), 0);
  EXPECT_EQ(text.Value("rerankd_provider_breaker_refusals_total", {{"model", "dead"}}), 1);
  EXPECT_EQ(text.Value("rerankd_provider_breaker_openings_total", {{"model", "dead"}}), 1);
  EXPECT_EQ(text.Value("rerankd_model_can_serve", {{"model", "dead"}}), 0);
}

TEST_F(MetricsTest, PromtoolHasNothingToSay) {
  const std::string promtool = ServerProcess::Variable("RERANKD_PROMTOOL");
  if (access(promtool.c_str(), X_OK) != 0) {
    GTEST_SKIP() << "no promtool at " << promtool << "; tools/setup.sh --tests brings it";
  }
  const FakeProviders fake;
  Start("models:\n  - {name: local, path: " + TestModel("tiny-cross-encoder") +
            "}\n  - {name: hosted, kind: voyage, model: rerank-2.5, base_url: " + fake.Url("http") +
            "/voyage}\n",
        {"VOYAGE_API_KEY=key"});
  EXPECT_TRUE(Ask("local").ok());
  EXPECT_TRUE(Ask("hosted").ok());
  const std::string page = folder_.Write("page.txt", Page()).string();
  Process check("/bin/sh", {"-c", promtool + " check metrics < " + page});
  EXPECT_EQ(check.Wait(), 0);
  EXPECT_EQ(check.out() + check.err(), "");
}

TEST_F(MetricsTest, RerankctlTopShowsWhatHappensNow) {
  Start("models:\n  - {name: tiny, path: " + TestModel("tiny-cross-encoder") + "}\n");
  EXPECT_TRUE(Ask("tiny").ok());
  Process top(RERANKCTL, {"top", "--metrics", url_, "--interval", "0.3", "--json"});
  ASSERT_TRUE(top.WaitForOutput("\"p50_seconds\":null")) << "a call from before does not count";
  EXPECT_TRUE(Ask("tiny", "which?", std::vector<std::string>(30, "a document")).ok());
  ASSERT_TRUE(top.WaitForOutput("\"p50_seconds\":0.")) << top.err();
  const std::string address = url_.substr(7, url_.rfind('/') - 7);
  const Outcome once = RunProgram(RERANKCTL, {"top", "--interval", "0.1", "--once"}, folder_, "",
                                  {"RERANKD_METRICS=" + address, "no_proxy=*"});
  EXPECT_EQ(once.code, 0) << once.err;
  EXPECT_THAT(once.out, HasSubstr("0 calls in progress"));
  EXPECT_THAT(once.out, HasSubstr("tiny   ready"));
  const Outcome nobody = RunProgram(RERANKCTL, {"top", "--metrics", "127.0.0.1:1", "--once"},
                                    folder_, "", {"no_proxy=*"});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.err, HasSubstr("metrics.listen"));
}

TEST_F(MetricsTest, WithoutTheSettingNobodyListens) {
  ServerProcess server({"--model-path", TestModel("tiny-cross-encoder")});
  EXPECT_NE(server.Address(), "");
  EXPECT_THAT(server.out(), Not(HasSubstr("metrics")));
}

TEST_F(MetricsTest, AnAddressInUseStopsTheStartAndIsNamed) {
  Start("models:\n  - {path: " + TestModel("tiny-cross-encoder") + "}\n");
  const std::string address = MetricsAddress(*server_);
  ServerProcess second(
      {"--model-path", TestModel("tiny-cross-encoder"), "--metrics-listen", address});
  EXPECT_EQ(second.Wait(), 1);
  EXPECT_THAT(second.err(), HasSubstr("metrics.listen: cannot listen on " + address));
}

}  // namespace
}  // namespace rerankd
