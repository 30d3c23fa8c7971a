#include "config/config_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace rerankd {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): for 30s
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

ConfigSources Sources() {
  ConfigSources sources;
  sources.default_model.name = "default";
  sources.default_model.path = "/models/default";
  sources.default_model.kind = EntryKind::kBiEncoder;
  return sources;
}

LoadedConfig Load(const std::string& yaml, const ConfigSources& sources = Sources()) {
  return LoadConfig(sources, yaml, "/etc/rerankd/rerankd.yaml");
}

TEST(ConfigLoaderTest, NothingConfiguredIsTheDefaultModelWithDefaults) {
  for (const LoadedConfig& loaded : {LoadConfig(Sources()), Load(""), Load("# a comment\n")}) {
    ASSERT_THAT(loaded.errors, IsEmpty());
    ASSERT_EQ(loaded.config.models.size(), 1U);
    EXPECT_EQ(loaded.config.models[0].name, "default");
    EXPECT_EQ(loaded.config.models[0].path, "/models/default");
    EXPECT_EQ(loaded.config.models[0].kind, EntryKind::kBiEncoder);
    EXPECT_EQ(loaded.config.service.listen, ServiceOptions().listen);
  }
}

TEST(ConfigLoaderTest, ReadsEverySection) {
  const LoadedConfig loaded = Load(R"(
listen: "[::1]:0"
grace_period: 5s
max_message_bytes: 16MiB
reflection: false
log: {level: debug, format: json, output: stdout}
tracing: {endpoint: "https://collector.example:4317", sample_ratio: 0.25, service_name: ranker}
engine:
  threads_per_session: 2
  max_batch_delay: 250us
models:
  - name: first
    path: one
    kind: bi_encoder
    score_kind: sigmoid
    query_prompt: "query: "
    document_prompt: ""
  - path: /absolute/two/
    precision: bf16
    max_tokens: 256
    query_max_tokens: 64
    truncation: refuse
    sessions: 3
)");
  ASSERT_THAT(loaded.errors, IsEmpty());
  const ServerConfig& config = loaded.config;
  EXPECT_THAT(config.service.listen, ElementsAre("[::1]:0"));
  EXPECT_EQ(config.grace_period, 5s);
  EXPECT_EQ(config.service.max_message_bytes, 16U << 20);
  EXPECT_FALSE(config.service.reflection);
  EXPECT_EQ(config.log.level, LogLevel::kDebug);
  EXPECT_EQ(config.log.format, LogFormat::kJson);
  EXPECT_EQ(config.log.output, LogOutput::kStdout);
  EXPECT_EQ(config.tracing.endpoint, "https://collector.example:4317");
  EXPECT_EQ(config.tracing.sample_ratio, 0.25);
  EXPECT_EQ(config.tracing.service_name, "ranker");
  ASSERT_EQ(config.models.size(), 2U);
  EXPECT_EQ(config.models[0].name, "first");
  EXPECT_EQ(config.models[0].path, "/etc/rerankd/one") << "relative to the file";
  EXPECT_EQ(config.models[0].kind, EntryKind::kBiEncoder);
  EXPECT_EQ(config.models[0].score_kind, ScoreKind::kSigmoid);
  EXPECT_EQ(config.models[0].query_prompt, "query: ");
  EXPECT_EQ(config.models[0].document_prompt, "") << "none, whatever the folder says";
  EXPECT_EQ(config.models[0].engine.threads_per_session, 2);
  EXPECT_EQ(config.models[0].engine.max_batch_delay, 250us);
  EXPECT_EQ(config.models[1].name, "two") << "the last part of the path";
  EXPECT_EQ(config.models[1].kind, EntryKind::kCrossEncoder);
  EXPECT_EQ(config.models[1].precision, "bf16");
  EXPECT_EQ(config.models[1].max_tokens, 256U);
  EXPECT_EQ(config.models[1].query_max_tokens, 64U);
  EXPECT_EQ(config.models[1].truncation, Truncation::kRefuse);
  EXPECT_EQ(config.models[1].score_kind, std::nullopt);
  EXPECT_EQ(config.models[1].query_prompt, std::nullopt) << "what the folder says";
  EXPECT_EQ(config.models[1].engine.sessions, 3) << "the entry's own";
  EXPECT_EQ(config.models[1].engine.threads_per_session, 2) << "of the engine section";
}

TEST(ConfigLoaderTest, FlagsWinOverTheEnvironmentAndThatOverTheFile) {
  ConfigSources sources = Sources();
  sources.environment = {{"RERANKD_LOG_LEVEL", "error"}, {"RERANKD_ENGINE_SESSIONS", "2"}};
  sources.flags = {{"engine.sessions", "4"}};
  const LoadedConfig loaded =
      Load("log: {level: debug, format: json}\nengine: {sessions: 1}\n", sources);
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.log.format, LogFormat::kJson);
  EXPECT_EQ(loaded.config.log.level, LogLevel::kError);
  EXPECT_EQ(loaded.config.models[0].engine.sessions, 4);
}

TEST(ConfigLoaderTest, ASingleModelComesFromFlagsAndEnvironment) {
  ConfigSources sources = Sources();
  sources.environment = {{"RERANKD_MODEL_PATH", "models/mini"}};
  sources.flags = {{"model.kind", "bi_encoder"}};
  const LoadedConfig loaded = LoadConfig(sources);
  ASSERT_THAT(loaded.errors, IsEmpty());
  ASSERT_EQ(loaded.config.models.size(), 1U);
  EXPECT_EQ(loaded.config.models[0].path, "models/mini");
  EXPECT_EQ(loaded.config.models[0].name, "mini");
  EXPECT_EQ(loaded.config.models[0].kind, EntryKind::kBiEncoder);
}

TEST(ConfigLoaderTest, WithoutAPathModelFlagsChangeTheDefaultModel) {
  ConfigSources sources = Sources();
  sources.flags = {{"model.precision", "bf16"}};
  const LoadedConfig loaded = LoadConfig(sources);
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.models[0].name, "default");
  EXPECT_EQ(loaded.config.models[0].precision, "bf16");
}

TEST(ConfigLoaderTest, AModelIsAnIdOfTheHubOrAFolder) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "loader_models";
  std::filesystem::create_directories(folder / "org" / "here");
  ConfigSources sources = Sources();
  sources.home = "/home/me";
  const LoadedConfig loaded = LoadConfig(sources, R"(
models:
  - model: org/away
    revision: v1.0
  - model: org/here
  - model: ./org/gone
  - model: ~/models/mine
  - model: /absolute
  - model: single-name
)",
                                         folder / "rerankd.yaml");
  std::filesystem::remove_all(folder);
  ASSERT_THAT(loaded.errors, IsEmpty());
  const std::vector<ModelEntry>& models = loaded.config.models;
  ASSERT_EQ(models.size(), 6U);
  EXPECT_EQ(models[0].hub_id, "org/away");
  EXPECT_EQ(models[0].revision, "v1.0");
  EXPECT_EQ(models[0].path, "");
  EXPECT_EQ(models[0].name, "org/away") << "calls may use the id";
  EXPECT_EQ(models[1].hub_id, "");
  EXPECT_EQ(models[1].path, folder / "org" / "here") << "a folder that is there";
  EXPECT_EQ(models[1].name, "here");
  EXPECT_EQ(models[2].path.lexically_normal(), folder / "org" / "gone") << "written as a folder";
  EXPECT_EQ(models[3].path, "/home/me/models/mine");
  EXPECT_EQ(models[4].path, "/absolute");
  EXPECT_EQ(models[5].hub_id, "single-name");
}

TEST(ConfigLoaderTest, WithoutAHomeATildeIsNoFolder) {
  const LoadedConfig loaded = LoadConfig(Sources(), "models: [{model: ~/mine}]", "/etc/r.yaml");
  EXPECT_THAT(loaded.errors, ElementsAre(HasSubstr("HOME is not set")));
}

TEST(ConfigLoaderTest, ASingleModelMayComeFromTheHub) {
  ConfigSources sources = Sources();
  sources.environment = {{"RERANKD_MODEL", "org/name"}, {"RERANKD_MODEL_REVISION", "main"}};
  LoadedConfig loaded = LoadConfig(sources);
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.models[0].hub_id, "org/name");
  EXPECT_EQ(loaded.config.models[0].kind, EntryKind::kCrossEncoder);
  sources.environment.pop_back();
  sources.flags = {{"model.path", "models/mini"}};
  loaded = LoadConfig(sources);
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.models[0].hub_id, "") << "the flag wins over the variable";
  EXPECT_EQ(loaded.config.models[0].path, "models/mini");
}

TEST(ConfigLoaderTest, TheDefaultModelComesFirst) {
  LoadedConfig loaded = Load("models: [{path: a}, {path: b}, {path: c, default: true}]");
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.models[0].name, "c");
  EXPECT_EQ(loaded.config.models[1].name, "a") << "the others keep their order";
  EXPECT_TRUE(loaded.config.models[0].is_default);
  EXPECT_FALSE(loaded.config.models[1].is_default);
  loaded = Load("models: [{path: a, default: false}, {path: b}]");
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.models[0].name, "a");
  EXPECT_TRUE(loaded.config.models[0].is_default) << "somebody has to be";
}

TEST(ConfigLoaderTest, SeveralModelsOfEveryKind) {
  const LoadedConfig loaded = Load(R"(
on_error: skip
admin: true
hub: {cache_dir: models, endpoint: "https://mirror.example", offline: true}
models:
  - path: a
    aliases: [first, "1"]
  - path: b
    aliases: second, 2
    load: on_demand
    unload_after: 10m
)");
  ASSERT_THAT(loaded.errors, IsEmpty());
  const ServerConfig& config = loaded.config;
  EXPECT_EQ(config.on_error, OnError::kSkip);
  EXPECT_TRUE(config.service.admin);
  EXPECT_EQ(config.hub.cache_dir, "/etc/rerankd/models");
  EXPECT_EQ(config.hub.endpoint, "https://mirror.example");
  EXPECT_EQ(config.hub.offline, true);
  EXPECT_THAT(config.models[0].aliases, ElementsAre("first", "1"));
  EXPECT_EQ(config.models[0].load, LoadTime::kStart);
  EXPECT_THAT(config.models[1].aliases, ElementsAre("second", "2"));
  EXPECT_EQ(config.models[1].load, LoadTime::kOnDemand);
  EXPECT_EQ(config.models[1].unload_after, 10min);
}

TEST(ConfigLoaderTest, ModelFlagsBesideAListOfModelsAreRefused) {
  ConfigSources sources = Sources();
  sources.flags = {{"model.precision", "bf16"}};
  EXPECT_THAT(Load("models: [{path: a}]", sources).errors,
              ElementsAre(AllOf(StartsWith("flag --model-precision: "), HasSubstr("models"))));
}

TEST(ConfigLoaderTest, ReportsEverythingAtOnceWithItsLine) {
  ConfigSources sources = Sources();
  sources.environment = {{"RERANKD_GRACE_PERIOD", "30"}};
  sources.flags = {{"log.level", "loud"}};
  const LoadedConfig loaded = Load(R"(lisen: 127.0.0.1:1
reflection: maybe
log:
  levl: debug
  format: [json]
engine:
  sessions: -1
models:
  - path: a
    knd: cross_encoder
  - kind: cross_encoder
  - path: b/a
    sessions: many
  - just a word
)",
                                   sources);
  EXPECT_THAT(
      loaded.errors,
      testing::UnorderedElementsAre(
          "/etc/rerankd/rerankd.yaml:1: unknown key \"lisen\"; did you mean \"listen\"?",
          "/etc/rerankd/rerankd.yaml:2: reflection must be one of: true | false, not \"maybe\"",
          "/etc/rerankd/rerankd.yaml:4: unknown key \"levl\"; did you mean \"level\"?",
          "/etc/rerankd/rerankd.yaml:5: log.format must be a single value",
          "/etc/rerankd/rerankd.yaml:7: sessions must be between 0 and 1024, not \"-1\"",
          "/etc/rerankd/rerankd.yaml:10: unknown key \"knd\"; did you mean \"kind\"?",
          "/etc/rerankd/rerankd.yaml:11: this model has neither model nor path",
          "/etc/rerankd/rerankd.yaml:13: sessions must be a whole number, for example 4, not "
          "\"many\"",
          "/etc/rerankd/rerankd.yaml:12: a model named \"a\" stands at "
          "/etc/rerankd/rerankd.yaml:9 already; give one of them another name",
          "/etc/rerankd/rerankd.yaml:14: models[3] must be a mapping, with at least a model",
          "environment variable RERANKD_GRACE_PERIOD: grace_period must be a duration with a unit, "
          "for example 500ms or 30s, not \"30\"",
          "flag --log-level: log.level must be one of: debug | info | warning | error, not "
          "\"loud\""));
}

struct BadFile {
  const char* yaml;
  const char* error;  // after "/etc/rerankd/rerankd.yaml"
};

class ConfigLoaderBadFileTest : public testing::TestWithParam<BadFile> {};

TEST_P(ConfigLoaderBadFileTest, IsRefusedOnce) {
  EXPECT_THAT(Load(GetParam().yaml).errors,
              ElementsAre(StartsWith(std::string("/etc/rerankd/rerankd.yaml") + GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigLoaderBadFileTest,
    testing::Values(
        BadFile{"- a\n- b", ":1: the file must be a mapping"},
        BadFile{"word", ":1: the file must be a mapping"},
        BadFile{"listen: [", ":1: not valid YAML"}, BadFile{"a: 1\nb: \"x", ":2: not valid YAML"},
        BadFile{"listen: a:1\n# \xff", ":2: not valid UTF-8"},
        BadFile{"listen: a:1\nlisten: b:2", ":2: \"listen\" is given twice"},
        BadFile{"listen:", ":1: listen has no value"},
        BadFile{"listen: 50051", ":1: listen must be host:port"},
        BadFile{"listen: \":50051\"", ":1: listen must be host:port"},
        BadFile{"listen: a:70000", ":1: listen must be host:port"},
        BadFile{"listen: \"unix:\"", ":1: listen must name a path"},
        BadFile{"listen: unix:/run/50%/x", ":1: listen must name a path"},
        BadFile{"listen: [a:1, b:2, a:1]", ":1: listen names a:1 twice"},
        BadFile{"listen: [unix:/x, unix:///x]", ":1: listen names unix:///x twice"},
        BadFile{"listen: unix:/x\nport_file: /port", ":2: port_file has no port to hold"},
        BadFile{"metrics: {listen: \"[::1]:9464\"}",
                ":1: metrics.listen must be an IPv4 address: metrics are not served over IPv6; "
                "write 127.0.0.1:9464, not"},
        BadFile{"metrics: {listen: \"[::]:1\"}",
                ":1: metrics.listen must be an IPv4 address: metrics are not served over IPv6; "
                "write 0.0.0.0:1, not"},
        BadFile{"metrics: {listen: \"*:1\"}",
                ":1: metrics.listen must be an IPv4 address or a name; for every address write "
                "0.0.0.0:1, not"},
        BadFile{"listen: [a:1, b:2]\nmetrics: {listen: \"b:2\"}",
                ":2: metrics.listen must be another address"},
        BadFile{"listen: 127.0.0.1:2\nmetrics: {listen: \"0.0.0.0:2\"}",
                ":2: metrics.listen must be another address"},
        BadFile{"metrics: {listen: unix:/x}", ":1: metrics.listen must be host:port"},
        BadFile{"log: debug", ":1: log must be a mapping"},
        BadFile{"log.level: debug", ":1: unknown key \"log.level\""},
        BadFile{"[a, b]: 1", ":1: a key must be a plain word"},
        BadFile{"engine: 3", ":1: engine must be a mapping"},
        BadFile{"engine:\n  max_batch_tokens: 0", ":2: max_batch_tokens must be between 1"},
        BadFile{"max_message_bytes: 2GiB", ":1: max_message_bytes must be between"},
        BadFile{"models: {}", ":1: models must be a list"},
        BadFile{"models: []", ":1: models must be a list"},
        BadFile{"models:\n  - path: ''", ":2: path must be a path"},
        BadFile{"models:\n  - path: a\n    model: b/c", ":2: both model and path"},
        BadFile{"models:\n  - model: a b", ":2: model: \"a b\" is no model id"},
        BadFile{"models:\n  - model: a/b/c", ":2: model: \"a/b/c\" is no model id"},
        BadFile{"models:\n  - model: ''", ":2: model must be the model's id at the hub"},
        BadFile{"models:\n  - path: a\n    revision: v1", ":3: revision is of models of the hub"},
        BadFile{"models:\n  - model: a/b\n    revision: a..b~", ":3: revision: "},
        BadFile{"models:\n  - path: a\n    aliases: [b, [c]]",
                ":3: models[0].aliases must be a list"},
        BadFile{"models:\n  - path: a\n    aliases: {b: c}",
                ":3: models[0].aliases must be a list"},
        BadFile{"models:\n  - path: a\n    aliases: [b, 'c d']", ":3: aliases must be 1 to 128"},
        BadFile{"models:\n  - path: a\n    aliases: [b, a]", ":3: a model named \"a\" stands at"},
        BadFile{"models:\n  - path: a\n    aliases: b\n  - path: b", ":4: a model named \"b\""},
        BadFile{"models:\n  - path: a\n  - path: b\n    aliases: [c, a]",
                ":4: a model named \"a\" stands at /etc/rerankd/rerankd.yaml:2"},
        BadFile{"models:\n  - path: a\n    default: true\n  - path: b\n    default: true",
                ":5: the model at /etc/rerankd/rerankd.yaml:3 is the default already"},
        BadFile{"models:\n  - path: a\n    unload_after: 1m", ":2: unload_after is of models"},
        BadFile{"models:\n  - path: a\n    load: later", ":3: load must be one of"},
        BadFile{"tracing: {endpoint: \"ftp://a:1\"}", ":1: tracing.endpoint must be host:port"},
        BadFile{"tracing: {sample_ratio: 1.1}", ":1: tracing.sample_ratio must be a number from 0"},
        BadFile{"tracing: {sample_ratio: -0.1}", ":1: tracing.sample_ratio must be a number"},
        BadFile{"tracing: {sample_ratio: nan}", ":1: tracing.sample_ratio must be a number"},
        BadFile{"tracing: {sample_ratio: 10%}", ":1: tracing.sample_ratio must be a number"},
        BadFile{"on_error: ignore", ":1: on_error must be one of: fail | skip"},
        BadFile{"hub: {endpoint: hub.example}", ":1: hub.endpoint must be an http or https URL"},
        BadFile{"hub: {token: secret}", ":1: unknown key \"token\""},
        BadFile{"models:\n  - path: a\n    name: 'a b'", ":3: name must be 1 to 128 letters"},
        BadFile{"models:\n  - path: a\n    name: rerank.v1.RerankService",
                ":3: name must be another name: by this one health checks ask for the server"},
        BadFile{"models:\n  - path: a\n    aliases: [b, rerank.v1.RerankService]",
                ":3: aliases must be another name"},
        BadFile{"models:\n  - path: x/rerank.v1.RerankService",
                ":2: \"rerank.v1.RerankService\", the last part of the model's path"},
        BadFile{"models:\n  - model: rerank.v1.RerankService",
                ":2: \"rerank.v1.RerankService\", the model's id, cannot be its name"},
        BadFile{"models:\n  - path: 'a b'", ":2: \"a b\", the last part of the model's path"},
        BadFile{"models:\n  - path: a\n    device: gpu", ":3: device must be cpu, cuda"},
        BadFile{"models:\n  - path: a\n    precision: fp64", ":3: precision must be one of"},
        BadFile{"models:\n  - path: a\n    kind: reranker", ":3: kind must be one of"},
        BadFile{"models:\n  - path: a\n    score_kind: provider", ":3: score_kind provider is of"},
        BadFile{"models:\n  - path: a\n    base_url: https://x",
                ":3: base_url is of models that a"},
        BadFile{"models:\n  - kind: voyage", ":2: model is missing: voyage's own name"},
        BadFile{"models:\n  - kind: voyage\n    model: m\n    path: a",
                ":4: path is of models that this server"},
        BadFile{"models:\n  - kind: voyage\n    model: m\n    sessions: 2",
                ":4: sessions is of models that this server computes, and voyage hosts this one"},
        BadFile{"models:\n  - kind: jina\n    model: jina-reranker-v3\n    split: true",
                ":4: split is not for jina-reranker-v3, which scores the documents of a call"},
        BadFile{"models:\n  - kind: jina\n    model: m\n    split: true",
                ":4: split needs max_documents: how many documents jina takes is not known"},
        BadFile{"models:\n  - kind: voyage\n    model: m\n    fallback: [n]",
                ":4: fallback \"n\" is no model of this configuration"},
        BadFile{"models:\n  - kind: voyage\n    model: m\n    fallback: [m]",
                ":4: fallback \"m\" is the model itself"},
        BadFile{"models:\n  - {kind: voyage, model: m, name: a, fallback: [b]}\n"
                "  - {kind: voyage, model: m, name: b, fallback: [c]}\n  - {name: c, path: p}",
                ":2: fallback \"b\" has a fallback itself; name both here"},
        BadFile{"models:\n  - kind: voyage\n    model: m\n    max_retries: -1",
                ":4: max_retries must be between 0 and 100"},
        BadFile{"models:\n  - path: p\n    max_retries: 1",
                ":3: max_retries is of models that a provider hosts"},
        BadFile{"models:\n  - kind: voyage\n    model: m\n    priority: 1",
                ":4: priority is nothing that voyage takes"},
        BadFile{"models:\n  - kind: cohere\n    model: m\n    priority: 1000",
                ":4: priority must be between 0 and 999"},
        BadFile{"models:\n  - kind: cohere\n    model: m\n    truncation: refuse",
                ":4: truncation cannot be refuse"},
        BadFile{"models:\n  - kind: cohere\n    model: m\n    base_url: http://example.com",
                ":4: base_url must be https"},
        BadFile{"models:\n  - kind: compatible\n    model: m", ":2: base_url is missing"},
        BadFile{"models:\n  - kind: cohere\n    model: m\n    extra_body: {query: q}",
                ":4: extra_body must not hold query"},
        BadFile{"models:\n  - kind: cohere\n    model: m\n    extra_body: [1]",
                ":4: models[0].extra_body must be a single value"},
        BadFile{"models:\n  - kind: cohere\n    model: m\n    extra_body: {a: .inf, [b]: c}",
                ":4: models[0].extra_body must have plain words as keys"},
        BadFile{"models:\n  - kind: cohere\n    model: a b", ":2: \"a b\", the provider's name of"},
        BadFile{"models:\n  - path: a\n    max_tokens: 64\n    query_max_tokens: 64",
                ":2: query_max_tokens (64) must be less than max_tokens (64)"}));

TEST(ConfigLoaderTest, AnEndpointWithAPasswordIsRefusedAndNotShown) {
  for (const char* endpoint : {"https://name:hush@hub.example", "name:hush@hub.example"}) {
    ConfigSources sources = Sources();
    sources.environment = {{"RERANKD_HUB_ENDPOINT", endpoint}};
    EXPECT_THAT(LoadConfig(sources).errors,
                ElementsAre(AllOf(
                    StartsWith("environment variable RERANKD_HUB_ENDPOINT: hub.endpoint must be an "
                               "http or https URL without user name and password, not \""),
                    HasSubstr("***@hub.example\""), Not(HasSubstr("hush")))));
  }
}

TEST(ConfigLoaderTest, HostedModels) {
  const LoadedConfig loaded = Load(R"(
models:
  - kind: voyage
    model: rerank-2.5
    truncation: refuse
    query_prompt: "find: "
  - kind: cohere
    name: cohere
    model: rerank-v4.0-fast
    api_key_file: secrets/cohere
    caller_key: allow
    max_tokens_per_doc: 8192
    priority: 0
    timeout: 5s
    max_retries: 1
    split: true
    ca_file: ca.pem
    fallback: [rerank-2.5]
  - kind: tei
    base_url: http://tei:8080
    allow_http: true
    score_kind: raw
    max_documents: 256
    extra_body: {a: 1, b: [true, null, "1", x, 1.5, -0.25], c: {d: ~}}
)");
  ASSERT_THAT(loaded.errors, IsEmpty());
  ASSERT_EQ(loaded.config.models.size(), 3U);
  const ModelEntry& voyage = loaded.config.models[0];
  EXPECT_EQ(voyage.kind, EntryKind::kHosted);
  EXPECT_EQ(voyage.kind_name(), "voyage");
  EXPECT_EQ(voyage.name, "rerank-2.5");
  EXPECT_EQ(voyage.hub_id, "");
  EXPECT_EQ(voyage.device, "");
  EXPECT_EQ(voyage.provider.model, "rerank-2.5");
  EXPECT_EQ(voyage.provider.truncation, Truncation::kRefuse);
  EXPECT_EQ(voyage.provider.query_prompt, "find: ");
  EXPECT_FALSE(voyage.provider.caller_key);
  const ModelEntry& cohere = loaded.config.models[1];
  EXPECT_EQ(cohere.name, "cohere");
  EXPECT_EQ(cohere.provider.api_key_file, "/etc/rerankd/secrets/cohere");
  EXPECT_TRUE(cohere.provider.caller_key);
  EXPECT_EQ(cohere.provider.max_tokens_per_doc, 8192U);
  EXPECT_EQ(cohere.remote.timeout, std::chrono::seconds(5));
  EXPECT_EQ(cohere.remote.max_retries, 1);
  EXPECT_TRUE(cohere.remote.split);
  EXPECT_EQ(cohere.remote.ca_file, "/etc/rerankd/ca.pem");
  EXPECT_THAT(cohere.remote.fallback, ElementsAre("rerank-2.5"));
  EXPECT_EQ(cohere.provider.priority, 0);
  const ModelEntry& tei = loaded.config.models[2];
  EXPECT_EQ(tei.name, "tei");
  EXPECT_EQ(tei.provider.score_kind, ScoreKind::kRaw);
  EXPECT_EQ(tei.provider.max_documents, 256U);
  EXPECT_EQ(tei.provider.extra_body, R"({"a":1,"b":[true,null,"1","x",1.5,-0.25],"c":{"d":null}})");

  const std::string printed = FormatConfig(loaded.config);
  const LoadedConfig again = Load(printed);
  ASSERT_THAT(again.errors, IsEmpty()) << printed;
  EXPECT_EQ(FormatConfig(again.config), printed);
  EXPECT_EQ(again.config.models[2].provider.extra_body, tei.provider.extra_body);
  EXPECT_EQ(again.config.models[1].provider.api_key_file, "/etc/rerankd/secrets/cohere");
}

TEST(ConfigLoaderTest, TheOnlyModelMayBeHosted) {
  ConfigSources sources = Sources();
  sources.environment = {{"RERANKD_MODEL_KIND", "jina"}, {"RERANKD_MODEL", "jina-reranker-m0"}};
  LoadedConfig loaded = LoadConfig(sources);
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.models[0].kind_name(), "jina");
  EXPECT_EQ(loaded.config.models[0].name, "jina-reranker-m0");
  sources.environment.clear();
  sources.flags = {{"model.kind", "tei"}, {"model.base_url", "http://127.0.0.1:8080"}};
  loaded = LoadConfig(sources);
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.models[0].name, "tei");
  EXPECT_EQ(loaded.config.models[0].path, "");
}

TEST(ConfigLoaderTest, AKeyInTheWrongPlaceIsNotQuoted) {
  for (const char* line :
       {"api_key_env: sk-sentinel-1", "api_key: sk-sentinel-1",
        "base_url: https://me:sk-sentinel-1@example.com", "base_url: sk-sentinel-1"}) {
    const LoadedConfig loaded =
        Load(std::string("models:\n  - kind: voyage\n    model: m\n    ") + line);
    ASSERT_EQ(loaded.errors.size(), 1U) << line;
    EXPECT_THAT(loaded.errors[0], testing::Not(HasSubstr("sentinel")));
  }
}

TEST(ConfigLoaderTest, AnchorsThatNameThemselvesDoNotHang) {
  EXPECT_FALSE(Load("log: &a [*a]\n").errors.empty());
  EXPECT_FALSE(Load("log: &a {level: *a}\n").errors.empty());
  EXPECT_FALSE(Load(std::string(100'000, '[')).errors.empty());
}

TEST(ConfigLoaderTest, AMisspeltVariableIsAnErrorAndAForeignOneIsNot) {
  ConfigSources sources = Sources();
  sources.environment = {
      {"RERANKD_SERVICE_HOST", "10.0.0.1"},        {"RERANKD_PORT", "tcp://10.0.0.1:50051"},
      {"RERANKD_PORT_50051_TCP_ADDR", "10.0.0.1"}, {"RERANKD_CACHE", "/cache"},
      {"RERANKD_CONFIG", "/etc/rerankd.yaml"},     {"RERANKD_SOURCE_DIR", "/src"},
      {"RERANKD_DEFAULT_MODEL_DIR", "/models"},    {"RERANKD_LOG_LEVLE", "debug"}};
  EXPECT_THAT(LoadConfig(sources).errors,
              ElementsAre("environment variable RERANKD_LOG_LEVLE: unknown; did you mean "
                          "RERANKD_LOG_LEVEL?"));
}

TEST(ConfigLoaderTest, WhatKubernetesSaysOfServicesIsNoSetting) {
  ConfigSources sources = Sources();
  for (const char* name : {"RERANKD_MODEL_SERVICE_HOST", "RERANKD_MODEL_SERVICE_PORT",
                           "RERANKD_MODEL_SERVICE_PORT_GRPC", "RERANKD_MODEL_PORT",
                           "RERANKD_MODEL_PORT_50051_TCP", "RERANKD_LOG_PORT_50051_TCP_PROTO",
                           "RERANKD_LOG_PORT_50051_TCP_PORT", "RERANKD_LOG_PORT_50051_TCP_ADDR"}) {
    sources.environment.emplace_back(name, "tcp://10.0.0.1:50051");
  }
  EXPECT_THAT(LoadConfig(sources).errors, IsEmpty());
}

// yaml-cpp finds documents without end behind it.
TEST(ConfigLoaderTest, ABracketTooManyIsRefused) {
  for (const char* yaml : {"a: 1\n]", "]", "listen: 127.0.0.1:1\n}\n", "models: []]\n"}) {
    EXPECT_FALSE(Load(yaml).errors.empty()) << yaml;
  }
}

TEST(ConfigLoaderTest, ASecondDocumentIsRefused) {
  EXPECT_THAT(Load("---\nlisten: 127.0.0.1:1\n---\nfoo: bar\n").errors,
              ElementsAre(StartsWith("/etc/rerankd/rerankd.yaml:3: the file must be one YAML")));
}

TEST(ConfigLoaderTest, TheWorkingFolderHasAName) {
  ConfigSources sources = Sources();
  sources.flags = {{"model.path", "."}};
  const LoadedConfig loaded = LoadConfig(sources);
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.models[0].name, std::filesystem::current_path().filename());
}

TEST(ConfigLoaderTest, AFileThatCannotBeReadIsNamed) {
  ConfigSources sources = Sources();
  sources.file = "/nonexistent/rerankd.yaml";
  EXPECT_THAT(LoadConfig(sources).errors, ElementsAre(HasSubstr("/nonexistent/rerankd.yaml")));
  sources.file = testing::TempDir();
  EXPECT_THAT(LoadConfig(sources).errors, ElementsAre(HasSubstr(testing::TempDir())));
}

TEST(ConfigLoaderTest, ReadsARealFile) {
  const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "loader_test.yaml";
  std::ofstream(file) << "models: [{path: mini}]\n";
  ConfigSources sources = Sources();
  sources.file = file;
  const LoadedConfig loaded = LoadConfig(sources);
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.models[0].path, file.parent_path() / "mini");
  std::filesystem::remove(file);
}

TEST(ConfigLoaderTest, WhatIsPrintedLoadsToTheSameAgain) {
  const LoadedConfig loaded = Load(R"(
listen: ["unix:/run/rerankd.sock", "127.0.0.1:0"]
port_file: "a: 'strange' #name"
grace_period: 1500ms
max_documents: 0
log: {format: json}
tracing: {endpoint: "a:1", sample_ratio: 0.001}
engine: {sessions: 2}
on_error: skip
hub: {offline: false}
models:
  - path: one
    score_kind: raw
  - path: two
    sessions: 5
    max_batch_delay: 2ms
    default: true
    aliases: [b, c]
  - model: org/name
    revision: v2
    load: on_demand
    unload_after: 90s
)");
  ASSERT_THAT(loaded.errors, IsEmpty());
  const std::string printed = FormatConfig(loaded.config);
  const LoadedConfig again = Load(printed);
  ASSERT_THAT(again.errors, IsEmpty()) << printed;
  EXPECT_EQ(FormatConfig(again.config), printed);
  EXPECT_EQ(again.config.port_file, "/etc/rerankd/a: 'strange' #name");
  EXPECT_EQ(again.config.models[0].engine.sessions, 5);
  EXPECT_THAT(again.config.models[0].aliases, ElementsAre("b", "c"));
  EXPECT_EQ(again.config.models[1].engine.sessions, 2);
  EXPECT_EQ(again.config.models[2].hub_id, "org/name");
  EXPECT_EQ(again.config.models[2].revision, "v2");
  EXPECT_EQ(again.config.models[2].unload_after, 90s);
  EXPECT_EQ(again.config.hub.offline, false);
}

TEST(ConfigLoaderTest, TwoFreePortsAndTwoAddressesOfAPortAreNotTheSame) {
  const LoadedConfig loaded = Load(R"(
listen: ["127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:1", "[::1]:1", unix:/x, unix:/y]
port_file: /port
)");
  EXPECT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.service.listen.size(), 6U);
}

TEST(ConfigLoaderTest, ListensInOnePlaceOrSeveral) {
  EXPECT_THAT(Load("listen: 127.0.0.1:1").config.service.listen, ElementsAre("127.0.0.1:1"));
  const LoadedConfig loaded = Load(R"(
listen: ["[::1]:1", unix:/run/r.sock]
unix_socket_mode: 0666
)");
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_THAT(loaded.config.service.listen, ElementsAre("[::1]:1", "unix:/run/r.sock"));
  EXPECT_EQ(loaded.config.service.unix_socket_mode, 0666U);
  const LoadedConfig again = Load(FormatConfig(loaded.config));
  ASSERT_THAT(again.errors, IsEmpty());
  EXPECT_EQ(again.config.service.listen, loaded.config.service.listen);
  EXPECT_EQ(again.config.service.unix_socket_mode, 0666U);
  EXPECT_THAT(Load("listen: [127.0.0.1:1, nonsense]").errors, ElementsAre(HasSubstr("host:port")));
  for (const char* const mode : {"0066", "9", "1777", "0o660", "-660"}) {
    EXPECT_THAT(Load(std::string("unix_socket_mode: \"") + mode + "\"").errors,
                ElementsAre(HasSubstr("three octal digits")))
        << mode;
  }
}

TEST(ConfigLoaderTest, TlsNeedsBothHalves) {
  const LoadedConfig loaded =
      Load("tls: {certificate: tls.crt, key: /k/tls.key, client_ca: ca.crt}\nkeys_file: keys");
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.tls.certificate, "/etc/rerankd/tls.crt");
  EXPECT_EQ(loaded.config.tls.key, "/k/tls.key");
  EXPECT_TRUE(loaded.config.tls.require_client_certificate);
  EXPECT_EQ(loaded.config.keys_file, "/etc/rerankd/keys");
  for (const char* const half : {"certificate", "key", "client_ca"}) {
    EXPECT_THAT(
        Load(std::string("\n\ntls: {") + half + ": f}").errors,
        ElementsAre(testing::AllOf(HasSubstr(":3: "), HasSubstr("both certificate and key"))))
        << half;
  }
}

}  // namespace
}  // namespace rerankd
