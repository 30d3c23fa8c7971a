#include "model/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "tests/model/model_folder.h"
#include "util/json.h"

namespace rerankd {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

json BertConfig() {
  return json::parse(R"({
    "architectures": ["BertForSequenceClassification"], "model_type": "bert",
    "vocab_size": 100, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3,
    "intermediate_size": 20, "max_position_embeddings": 64, "type_vocab_size": 2,
    "layer_norm_eps": 1e-5, "hidden_act": "gelu", "position_embedding_type": "absolute",
    "is_decoder": false, "id2label": {"0": "LABEL_0"}})");
}

json With(json config, const char* key, json value) {
  config[key] = std::move(value);
  return config;
}

std::string MessageOf(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  return std::string(status.message());
}

std::string ErrorOf(const json& config, ModelKind kind = ModelKind::kCrossEncoder) {
  return MessageOf(ParseModelConfig(config, "c/config.json", kind, kBertDialect).status());
}

absl::StatusOr<ModelConfig> ParseBert(const json& config,
                                      ModelKind kind = ModelKind::kCrossEncoder) {
  return ParseModelConfig(config, "c/config.json", kind, kBertDialect);
}

TEST(ModelConfigTest, ReadsEveryField) {
  const auto config = ParseBert(BertConfig());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->origin, "c/config.json");
  EXPECT_EQ(config->architecture, "BertForSequenceClassification");
  EXPECT_EQ(config->vocab_size, 100);
  EXPECT_EQ(config->hidden_size, 12);
  EXPECT_EQ(config->layers, 2);
  EXPECT_EQ(config->heads, 3);
  EXPECT_EQ(config->intermediate_size, 20);
  EXPECT_EQ(config->max_positions, 64);
  EXPECT_EQ(config->max_tokens, 64);
  EXPECT_EQ(config->embedding_size, 12);
  EXPECT_EQ(config->padding_id, std::nullopt);
  EXPECT_EQ(config->labels, 1);
  EXPECT_EQ(config->type_vocab_size, 2);
  EXPECT_EQ(config->layer_norm_eps, 1e-5);
  EXPECT_EQ(config->hidden_act, HiddenAct::kGelu);
}

TEST(ModelConfigTest, RefusesSizesThatCannotBe) {
  for (const char* key : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
                          "intermediate_size", "max_position_embeddings", "type_vocab_size"}) {
    SCOPED_TRACE(key);
    const std::string quoted = "c/config.json: \"" + std::string(key) + "\"";
    EXPECT_THAT(ErrorOf(With(BertConfig(), key, 0)), HasSubstr(quoted + " is 0; it must be"));
    EXPECT_THAT(ErrorOf(With(BertConfig(), key, -3)), HasSubstr(quoted + " is -3; it must be"));
    EXPECT_THAT(ErrorOf(With(BertConfig(), key, int64_t{1} << 40)),
                HasSubstr(quoted + " is 1099511627776; it must be"));
    EXPECT_THAT(ErrorOf(With(BertConfig(), key, 1.5)), HasSubstr(quoted));
    EXPECT_THAT(ErrorOf(With(BertConfig(), key, "12")), HasSubstr(quoted));
    EXPECT_THAT(ErrorOf(With(BertConfig(), key, ~uint64_t{0})), HasSubstr(quoted));
  }
  json missing = BertConfig();
  missing.erase("hidden_size");
  EXPECT_THAT(ErrorOf(missing), HasSubstr("\"hidden_size\" is missing"));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "num_attention_heads", 5)),
              HasSubstr("\"hidden_size\" is 12, which must be a multiple of the 5"));
  for (const json& eps : {json(0), json(-1e-5), json(1), json("1e-5")}) {
    EXPECT_THAT(ErrorOf(With(BertConfig(), "layer_norm_eps", eps)), HasSubstr("layer_norm_eps"));
  }
}

TEST(ModelConfigTest, TakesTheDefaultsOfTransformers) {
  json bare = BertConfig();
  for (const char* key : {"layer_norm_eps", "hidden_act", "type_vocab_size"}) bare.erase(key);
  const auto config = ParseBert(bare);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->layer_norm_eps, 1e-12);
  EXPECT_EQ(config->hidden_act, HiddenAct::kGelu);
  EXPECT_EQ(config->type_vocab_size, 2);
}

TEST(ModelConfigTest, RefusesByNameWhatWouldChangeTheScores) {
  EXPECT_THAT(ErrorOf(With(BertConfig(), "position_embedding_type", "relative_key")),
              AllOf(HasSubstr("\"position_embedding_type\" is \"relative_key\""),
                    HasSubstr("supported: \"absolute\"")));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "is_decoder", true)), HasSubstr("\"is_decoder\" is true"));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "add_cross_attention", true)),
              HasSubstr("\"add_cross_attention\""));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "hidden_act", "swish")),
              AllOf(HasSubstr("\"swish\""), HasSubstr("gelu_new")));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "pruned_heads", {{"0", {1}}})), HasSubstr("pruned_heads"));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "auto_map", {{"AutoModel", "x.y"}})),
              HasSubstr("\"auto_map\" is not supported"));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "quantization_config", json::object())),
              HasSubstr("\"quantization_config\" is not supported"));
}

TEST(ModelConfigTest, RefusesArchitecturesThatAreNoName) {
  for (const json& value : {json(), json("BertModel"), json::array(), json::array({1})}) {
    EXPECT_THAT(ErrorOf(With(BertConfig(), "architectures", value)),
                HasSubstr("\"architectures\""));
  }
}

TEST(ModelConfigTest, KnowsActivationsByTheirName) {
  const auto act = [](const char* name) {
    return ParseBert(With(BertConfig(), "hidden_act", name)).value().hidden_act;
  };
  EXPECT_EQ(act("gelu_new"), HiddenAct::kGeluTanh);
  EXPECT_EQ(act("gelu_pytorch_tanh"), HiddenAct::kGeluTanh);
  EXPECT_EQ(act("gelu_fast"), HiddenAct::kGeluTanh);
  EXPECT_EQ(act("gelu_python"), HiddenAct::kGelu);
  EXPECT_EQ(act("relu"), HiddenAct::kRelu);
}

// The same network in every family's own words.
TEST(ModelConfigTest, ReadsEachFamilysOwnKeys) {
  json electra = With(BertConfig(), "embedding_size", 8);
  const auto electra_config =
      ParseModelConfig(electra, "c", ModelKind::kCrossEncoder, kElectraDialect);
  ASSERT_TRUE(electra_config.ok()) << electra_config.status();
  EXPECT_EQ(electra_config->embedding_size, 8);
  electra.erase("embedding_size");
  EXPECT_EQ(ParseModelConfig(electra, "c", ModelKind::kCrossEncoder, kElectraDialect)
                .value()
                .embedding_size,
            128);  // transformers' default

  const json distilbert = json::parse(R"({
    "architectures": ["DistilBertForSequenceClassification"], "vocab_size": 100, "dim": 12,
    "n_layers": 2, "n_heads": 3, "hidden_dim": 20, "activation": "relu", "layer_norm_eps": 0.5,
    "max_position_embeddings": 64, "num_labels": 1, "sinusoidal_pos_embds": true})");
  const auto config =
      ParseModelConfig(distilbert, "c", ModelKind::kCrossEncoder, kDistilBertDialect);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->hidden_size, 12);
  EXPECT_EQ(config->embedding_size, 12);
  EXPECT_EQ(config->layers, 2);
  EXPECT_EQ(config->heads, 3);
  EXPECT_EQ(config->intermediate_size, 20);
  EXPECT_EQ(config->hidden_act, HiddenAct::kRelu);
  EXPECT_EQ(config->layer_norm_eps, 1e-12);  // not a setting of this family
  EXPECT_EQ(config->type_vocab_size, 0);
  EXPECT_EQ(config->max_tokens, 64);
  const auto error = [&](const char* key, const json& value) {
    return MessageOf(ParseModelConfig(With(distilbert, key, value), "c", ModelKind::kCrossEncoder,
                                      kDistilBertDialect)
                         .status());
  };
  EXPECT_THAT(error("n_heads", 5), HasSubstr("\"dim\" is 12, which must be a multiple of the 5 of "
                                             "\"n_heads\""));
  EXPECT_THAT(error("activation", "silu"), HasSubstr("\"activation\" is \"silu\""));
  EXPECT_THAT(error("dim", nullptr), HasSubstr("\"dim\" is missing"));
}

TEST(ModelConfigTest, PositionsOfRobertaFollowThePaddingId) {
  const auto parse = [](const json& padding) {
    return ParseModelConfig(With(BertConfig(), "pad_token_id", padding), "c",
                            ModelKind::kCrossEncoder, kRobertaDialect);
  };
  EXPECT_EQ(parse(1).value().padding_id, 1);
  EXPECT_EQ(parse(1).value().max_tokens, 62);
  EXPECT_EQ(parse(nullptr).value().padding_id, 1);  // transformers' default
  EXPECT_EQ(parse(0).value().max_tokens, 63);
  EXPECT_EQ(parse(62).value().max_tokens, 1);
  for (const json& bad : {json(63), json(100), json(-1)}) {
    EXPECT_THAT(MessageOf(parse(bad).status()),
                HasSubstr("\"pad_token_id\" is " + bad.dump() + "; it must be"));
  }
}

TEST(ModelConfigTest, ACrossEncoderHasOneLabelOrTwo) {
  const auto labels = [](const json& id2label, const json& num_labels) {
    return With(With(BertConfig(), "id2label", id2label), "num_labels", num_labels);
  };
  const json one = {{"0", "a"}};
  const json two = {{"0", "a"}, {"1", "b"}};
  for (const json& config : {labels(one, nullptr), labels(nullptr, 1), labels(one, 1)}) {
    EXPECT_EQ(ParseBert(config).value().labels, 1) << config;
  }
  for (const json& config : {labels(two, nullptr), labels(nullptr, 2), labels(two, 2),
                             labels(nullptr, nullptr)}) {  // transformers' default
    EXPECT_EQ(ParseBert(config).value().labels, 2) << config;
  }
  EXPECT_THAT(ErrorOf(labels(nullptr, 3)),
              AllOf(HasSubstr("has 3 labels"), HasSubstr("must have 1, or 2")));
  EXPECT_THAT(ErrorOf(labels(json::object(), nullptr)), HasSubstr("has 0 labels"));
  EXPECT_THAT(ErrorOf(labels(two, 1)), HasSubstr("they must agree"));
  EXPECT_THAT(ErrorOf(labels("x", 1)), HasSubstr("\"id2label\""));
  EXPECT_TRUE(ParseBert(labels(nullptr, 3), ModelKind::kBiEncoder).ok());
}

TEST(ModelConfigTest, OfTwoLabelsTheSoftmaxIsTheSigmoidOfTheDifference) {
  const auto two = [](const json& activation) {
    return With(With(BertConfig(), "id2label", {{"0", "a"}, {"1", "b"}}),
                "sbert_ce_default_activation_function", activation);
  };
  EXPECT_TRUE(ParseBert(two(nullptr)).value().sigmoid_by_default);
  EXPECT_TRUE(ParseBert(two("torch.nn.modules.activation.Softmax")).value().sigmoid_by_default);
  EXPECT_FALSE(ParseBert(two("torch.nn.modules.linear.Identity")).value().sigmoid_by_default);
  EXPECT_THAT(ErrorOf(two("torch.nn.modules.activation.Sigmoid")),
              AllOf(HasSubstr("not supported for two labels"), HasSubstr("Softmax")));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "sbert_ce_default_activation_function",
                           "torch.nn.modules.activation.Softmax")),
              HasSubstr("not supported for one label"));
}

TEST(ModelConfigTest, TheNewerActivationWinsThenTheOlderThenSigmoid) {
  constexpr char kSigmoid[] = "torch.nn.modules.activation.Sigmoid";
  constexpr char kIdentity[] = "torch.nn.modules.linear.Identity";
  const auto sigmoid = [](const json& newer, const json& older) {
    json config = With(BertConfig(), "sbert_ce_default_activation_function", older);
    if (!newer.is_null()) config["sentence_transformers"]["activation_fn"] = newer;
    return ParseBert(config).value().sigmoid_by_default;
  };
  EXPECT_TRUE(sigmoid(nullptr, nullptr));
  EXPECT_FALSE(sigmoid(nullptr, kIdentity));
  EXPECT_TRUE(sigmoid(nullptr, kSigmoid));
  EXPECT_FALSE(sigmoid(kIdentity, kSigmoid));
  EXPECT_TRUE(sigmoid(kSigmoid, kIdentity));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "sentence_transformers",
                           {{"activation_fn", "torch.nn.modules.activation.Tanh"}})),
              AllOf(HasSubstr("\"sentence_transformers.activation_fn\""), HasSubstr("Tanh")));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "sbert_ce_default_activation_function", "mine.Sigmoid")),
              HasSubstr("mine.Sigmoid"));
  EXPECT_THAT(ErrorOf(With(BertConfig(), "sentence_transformers", 1)),
              HasSubstr("\"sentence_transformers\""));
}

TEST(ModelConfigTest, ReadsTheModulesOfOldAndNewReleases) {
  const auto modules = ParseModules(json::parse(R"([
      {"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},
      {"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"}])"),
                                    ModelKind::kBiEncoder, "m");
  ASSERT_TRUE(modules.ok()) << modules.status();
  EXPECT_EQ(modules->pooling_folder, "1_Pooling");
  EXPECT_FALSE(modules->normalize);
  const auto newer = ParseModules(json::parse(R"([
      {"path":"","type":"sentence_transformers.base.modules.transformer.Transformer"},
      {"path":"p","type":"sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
      {"path":"n","type":"sentence_transformers.base.modules.normalize.Normalize"}])"),
                                  ModelKind::kBiEncoder, "m");
  ASSERT_TRUE(newer.ok()) << newer.status();
  EXPECT_EQ(newer->pooling_folder, "p");
  EXPECT_TRUE(newer->normalize);
}

TEST(ModelConfigTest, RefusesModulesThatWouldChangeTheEmbedding) {
  const auto error = [](const char* modules, ModelKind kind = ModelKind::kBiEncoder) {
    return MessageOf(ParseModules(json::parse(modules), kind, "m/modules.json").status());
  };
  const std::string transformer =
      R"([{"path":"","type":"sentence_transformers.models.Transformer"},)";
  const std::string pooling =
      R"({"path":"1_Pooling","type":"sentence_transformers.models.Pooling"})";
  EXPECT_THAT(error((transformer + pooling +
                     R"(,{"path":"2_Dense","type":"sentence_transformers.models.Dense"}])")
                        .c_str()),
              AllOf(HasSubstr("m/modules.json"), HasSubstr("Dense"), HasSubstr("supported")));
  EXPECT_THAT(error((transformer + pooling + R"(,{"path":"","type":"mine.Normalize"}])").c_str()),
              HasSubstr("mine.Normalize"));
  EXPECT_THAT(error("[]"), HasSubstr("supported: Transformer, Pooling"));
  EXPECT_THAT(error((transformer + pooling + "]").c_str(), ModelKind::kCrossEncoder),
              HasSubstr("supported for a cross_encoder: Transformer"));
  EXPECT_THAT(error("{}"), HasSubstr("must be a list"));
  EXPECT_THAT(error("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(error(R"([{"path":""}])"), HasSubstr("no \"type\""));
  EXPECT_THAT(error(R"([{"path":"0_T","type":"sentence_transformers.models.Transformer"}])"),
              HasSubstr("\"0_T\""));
  for (const char* path : {"", "/etc", "../x", "a/../../x"}) {
    EXPECT_THAT(error((R"([{"type":"sentence_transformers.models.Pooling","path":")" +
                       std::string(path) + "\"}]")
                          .c_str()),
                HasSubstr("folder below the model's"));
  }
}

TEST(ModelConfigTest, ReadsThePoolingOfOldAndNewReleases) {
  const auto pooling = [](const char* config) {
    ModelConfig result{.hidden_size = 12};
    EXPECT_EQ(ParsePooling(json::parse(config), "p", result), absl::OkStatus());
    return result.pooling;
  };
  EXPECT_EQ(pooling(R"({"pooling_mode_mean_tokens":true,"pooling_mode_cls_token":false})"),
            Pooling::kMean);
  EXPECT_EQ(pooling(R"({"pooling_mode_cls_token":true,"word_embedding_dimension":12})"),
            Pooling::kFirst);
  EXPECT_EQ(pooling(R"({"pooling_mode":"mean","embedding_dimension":12})"), Pooling::kMean);
  EXPECT_EQ(pooling(R"({"pooling_mode":["cls"]})"), Pooling::kFirst);
  EXPECT_EQ(pooling("{}"), Pooling::kMean);
}

TEST(ModelConfigTest, RefusesOtherPoolingsByName) {
  const auto error = [](const char* config) {
    ModelConfig result{.hidden_size = 12};
    return MessageOf(ParsePooling(json::parse(config), "p", result));
  };
  for (const char* mode : {"pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
                           "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"}) {
    EXPECT_THAT(error((std::string("{\"") + mode + "\":true}").c_str()), HasSubstr(mode));
  }
  EXPECT_THAT(error(R"({"pooling_mode_mean_tokens":true,"pooling_mode_cls_token":true})"),
              AllOf(HasSubstr("mean"), HasSubstr("cls")));
  EXPECT_THAT(error(R"({"pooling_mode":"lasttoken"})"), HasSubstr("lasttoken"));
  EXPECT_THAT(error(R"({"pooling_mode":3})"), HasSubstr("must be a string"));
  EXPECT_THAT(error(R"({"pooling_mode_cls_token":1})"), HasSubstr("pooling_mode_cls_token"));
  EXPECT_THAT(error(R"({"word_embedding_dimension":13})"), HasSubstr("is 13; it must equal"));
  EXPECT_THAT(error(R"({"include_prompt":1})"), HasSubstr("include_prompt"));
}

TEST(ModelConfigTest, KnowsWhetherThePromptIsPooled) {
  const auto pools_prompt = [](const char* config) {
    ModelConfig result{.hidden_size = 12};
    EXPECT_EQ(ParsePooling(json::parse(config), "p", result), absl::OkStatus());
    return result.pools_prompt;
  };
  EXPECT_TRUE(pools_prompt("{}"));
  EXPECT_TRUE(pools_prompt(R"({"include_prompt":true})"));
  EXPECT_FALSE(pools_prompt(R"({"include_prompt":false})"));
}

TEST(ModelConfigTest, TheShorterOfTheLimitsCounts) {
  const auto limit = [](const char* config) {
    return ParseMaxSequenceLength(json::parse(config), 64, "s");
  };
  EXPECT_EQ(limit(R"({"max_seq_length":32})").value(), 32);
  EXPECT_EQ(limit(R"({"max_seq_length":512})").value(), 64);
  EXPECT_EQ(limit(R"({"max_seq_length":null})").value(), 64);
  EXPECT_EQ(limit("{}").value(), 64);
  EXPECT_THAT(MessageOf(limit(R"({"max_seq_length":0})").status()), HasSubstr("max_seq_length"));
  EXPECT_THAT(MessageOf(limit(R"({"do_lower_case":true})").status()), HasSubstr("do_lower_case"));
}

TEST(ModelConfigTest, RefusesOtherSimilarities) {
  const auto check = [](const char* config, bool normalized = false) {
    ModelConfig result;
    return ParseSentenceTransformers(json::parse(config), ModelKind::kBiEncoder, normalized, "s",
                                     result);
  };
  EXPECT_TRUE(check("{}").ok());
  EXPECT_TRUE(check(R"({"similarity_fn_name":"cosine"})").ok());
  EXPECT_THAT(MessageOf(check(R"({"similarity_fn_name":"dot"})")), HasSubstr("\"dot\""));
  EXPECT_TRUE(check(R"({"similarity_fn_name":"dot"})", /*normalized=*/true).ok());
  EXPECT_THAT(MessageOf(check(R"({"model_type":"SparseEncoder"})")), HasSubstr("SparseEncoder"));
}

// As sentence-transformers 6.2 does it: its own two names count, and nothing else does.
TEST(ModelConfigTest, ABiEncodersPromptsAreThoseOfQueryAndDocument) {
  const auto prompts = [](const char* config) {
    ModelConfig result;
    EXPECT_EQ(
        ParseSentenceTransformers(json::parse(config), ModelKind::kBiEncoder, false, "s", result),
        absl::OkStatus());
    return std::pair(result.query_prompt, result.document_prompt);
  };
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(prompts("{}"), Pair("", ""));
  EXPECT_EQ(prompts(R"({"prompts":{"query":"q: ","document":"d: "}})"), Pair("q: ", "d: "));
  EXPECT_EQ(prompts(R"({"prompts":{"query":"q: ","document":null}})"), Pair("q: ", ""));
  // encode_document() would take "passage" if there were no "document", but there always is.
  EXPECT_EQ(prompts(R"({"prompts":{"query":"q: ","passage":"p: "}})"), Pair("q: ", ""));
  // The default prompt is encode()'s alone.
  EXPECT_EQ(prompts(R"({"prompts":{"s":"x"},"default_prompt_name":"s"})"), Pair("", ""));
  EXPECT_EQ(prompts(R"({"default_prompt_name":"query"})"), Pair("", ""));
}

TEST(ModelConfigTest, ACrossEncodersDefaultPromptComesBeforeTheQuery) {
  const auto prompts = [](const char* config) {
    ModelConfig result;
    EXPECT_EQ(ParseSentenceTransformers(json::parse(config), ModelKind::kCrossEncoder, false, "s",
                                        result),
              absl::OkStatus());
    EXPECT_EQ(result.document_prompt, "");
    return result.query_prompt;
  };
  EXPECT_EQ(prompts(R"({"prompts":{"s":"x: ","query":"q: "},"default_prompt_name":"s"})"), "x: ");
  EXPECT_EQ(prompts(R"({"prompts":{"query":"q: "}})"), "");
}

// As CrossEncoder saves itself since its settings have a file of their own.
TEST(ModelConfigTest, ACrossEncodersOwnFilesCountWhereTheyAreAllThere) {
  ModelFolder folder("tiny-cross-encoder");
  const auto read = [&] {
    const json config = ReadJsonObject(folder.path() / "config.json").value();
    return ReadModelConfig(folder.path(), config, ModelKind::kCrossEncoder, kBertDialect);
  };
  EXPECT_FALSE(read().value().sigmoid_by_default);  // config.json names Identity
  const std::string settings = R"({"model_type":"CrossEncoder","prompts":{"s":"x: "},
      "default_prompt_name":"s","activation_fn":"torch.nn.modules.activation.Sigmoid"})";
  folder.Write("config_sentence_transformers.json", settings);
  folder.Write("sentence_bert_config.json", R"({"max_seq_length":48})");
  EXPECT_EQ(read().value().query_prompt, "");  // no modules.json: not read
  folder.Write(
      "modules.json",
      R"([{"path":"","type":"sentence_transformers.base.modules.transformer.Transformer"}])");
  const ModelConfig config = read().value();
  EXPECT_EQ(config.query_prompt, "x: ");
  EXPECT_TRUE(config.sigmoid_by_default);
  EXPECT_EQ(config.max_tokens, 48);
  folder.EditJson("config_sentence_transformers.json", [](json& edited) {
    edited["activation_fn"] = "torch.nn.modules.activation.Tanh";
  });
  EXPECT_THAT(MessageOf(read().status()), AllOf(HasSubstr("\"activation_fn\""), HasSubstr("Tanh")));
  // Files of a bi-encoder are none of its business.
  folder.EditJson("config_sentence_transformers.json",
                  [](json& edited) { edited["model_type"] = "SentenceTransformer"; });
  EXPECT_EQ(read().value().query_prompt, "");
  EXPECT_EQ(read().value().max_tokens, 64);
}

TEST(ModelConfigTest, RefusesPromptsThatAreNone) {
  const auto error = [](const char* config, ModelKind kind = ModelKind::kBiEncoder) {
    ModelConfig result;
    return MessageOf(ParseSentenceTransformers(json::parse(config), kind, false, "s", result));
  };
  EXPECT_THAT(error(R"({"prompts":["q: "]})"), HasSubstr("\"prompts\""));
  EXPECT_THAT(error(R"({"prompts":{"query":3}})"), HasSubstr("\"query\" must be a string"));
  EXPECT_THAT(error(R"({"default_prompt_name":"s"})"),
              HasSubstr("\"default_prompt_name\" is \"s\", which \"prompts\" does not have"));
  EXPECT_THAT(error(R"({"default_prompt_name":"query"})", ModelKind::kCrossEncoder),
              HasSubstr("\"default_prompt_name\""));
}

absl::StatusOr<ModelConfig> ReadBiEncoder(const ModelFolder& folder) {
  const auto config = ReadJsonObject(folder.path() / "config.json");
  if (!config.ok()) return config.status();
  return ReadModelConfig(folder.path(), *config, ModelKind::kBiEncoder, kBertDialect);
}

TEST(ModelConfigTest, ReadsAFolder) {
  const ModelFolder folder("tiny-bi-encoder");
  const auto config = ReadBiEncoder(folder);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pooling, Pooling::kFirst);
  EXPECT_EQ(config->hidden_act, HiddenAct::kGeluTanh);
  EXPECT_EQ(config->max_tokens, 64);
}

TEST(ModelConfigTest, NamesTheFileThatIsMissingOrBroken) {
  const auto error = [](const ModelFolder& folder) {
    const auto config = ReadBiEncoder(folder);
    EXPECT_FALSE(config.ok());
    return std::string(config.status().message());
  };
  for (const char* name : {"config.json", "modules.json", "1_Pooling/config.json"}) {
    ModelFolder folder("tiny-bi-encoder");
    folder.Remove(name);
    EXPECT_THAT(error(folder), HasSubstr(name));
    EXPECT_EQ(ReadBiEncoder(folder).status().code(), absl::StatusCode::kNotFound);
    folder.Write(name, "{\"a\":");
    EXPECT_THAT(error(folder), AllOf(HasSubstr(name), HasSubstr("not valid JSON")));
  }
  for (const char* name : {"sentence_bert_config.json", "config_sentence_transformers.json"}) {
    ModelFolder folder("tiny-bi-encoder");
    folder.Write(name, "[]");
    EXPECT_THAT(error(folder), HasSubstr(name));
    folder.Remove(name);
    EXPECT_TRUE(ReadBiEncoder(folder).ok());
  }
}

}  // namespace
}  // namespace rerankd
