#include "model/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/model/model_folder.h"

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
  return MessageOf(ParseModelConfig(config, "c/config.json", kind).status());
}

TEST(ModelConfigTest, ReadsEveryField) {
  const auto config = ParseModelConfig(BertConfig(), "c/config.json", ModelKind::kCrossEncoder);
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
  const auto config = ParseModelConfig(bare, "c", ModelKind::kCrossEncoder);
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
    return ParseModelConfig(With(BertConfig(), "hidden_act", name), "c", ModelKind::kCrossEncoder)
        .value()
        .hidden_act;
  };
  EXPECT_EQ(act("gelu_new"), HiddenAct::kGeluTanh);
  EXPECT_EQ(act("gelu_pytorch_tanh"), HiddenAct::kGeluTanh);
  EXPECT_EQ(act("relu"), HiddenAct::kRelu);
}

TEST(ModelConfigTest, ACrossEncoderHasOneLabel) {
  const auto labels = [](const json& id2label, const json& num_labels) {
    return With(With(BertConfig(), "id2label", id2label), "num_labels", num_labels);
  };
  const json one = {{"0", "a"}};
  const json two = {{"0", "a"}, {"1", "b"}};
  for (const json& config : {labels(one, nullptr), labels(nullptr, 1), labels(one, 1)}) {
    EXPECT_TRUE(ParseModelConfig(config, "c", ModelKind::kCrossEncoder).ok()) << config;
  }
  EXPECT_THAT(ErrorOf(labels(two, nullptr)), HasSubstr("has 2 labels"));
  EXPECT_THAT(ErrorOf(labels(nullptr, 3)), HasSubstr("has 3 labels"));
  EXPECT_THAT(ErrorOf(labels(nullptr, nullptr)),
              HasSubstr("has 2 labels"));  // transformers' default
  EXPECT_THAT(ErrorOf(labels(two, 1)), HasSubstr("they must agree"));
  EXPECT_THAT(ErrorOf(labels("x", 1)), HasSubstr("\"id2label\""));
  EXPECT_TRUE(ParseModelConfig(labels(two, nullptr), "c", ModelKind::kBiEncoder).ok());
}

TEST(ModelConfigTest, TheNewerActivationWinsThenTheOlderThenSigmoid) {
  constexpr char kSigmoid[] = "torch.nn.modules.activation.Sigmoid";
  constexpr char kIdentity[] = "torch.nn.modules.linear.Identity";
  const auto sigmoid = [](const json& newer, const json& older) {
    json config = With(BertConfig(), "sbert_ce_default_activation_function", older);
    if (!newer.is_null()) config["sentence_transformers"]["activation_fn"] = newer;
    return ParseModelConfig(config, "c", ModelKind::kCrossEncoder).value().sigmoid_by_default;
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
                                    "m");
  ASSERT_TRUE(modules.ok()) << modules.status();
  EXPECT_EQ(modules->pooling_folder, "1_Pooling");
  EXPECT_FALSE(modules->normalize);
  const auto newer = ParseModules(json::parse(R"([
      {"path":"","type":"sentence_transformers.base.modules.transformer.Transformer"},
      {"path":"p","type":"sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
      {"path":"n","type":"sentence_transformers.base.modules.normalize.Normalize"}])"),
                                  "m");
  ASSERT_TRUE(newer.ok()) << newer.status();
  EXPECT_EQ(newer->pooling_folder, "p");
  EXPECT_TRUE(newer->normalize);
}

TEST(ModelConfigTest, RefusesModulesThatWouldChangeTheEmbedding) {
  const auto error = [](const char* modules) {
    return MessageOf(ParseModules(json::parse(modules), "m/modules.json").status());
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
    return ParsePooling(json::parse(config), 12, "p").value();
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
    return MessageOf(ParsePooling(json::parse(config), 12, "p").status());
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

TEST(ModelConfigTest, RefusesPromptsAndOtherSimilarities) {
  const auto check = [](const char* config, bool normalized = false) {
    return CheckSentenceTransformers(json::parse(config), normalized, "s");
  };
  EXPECT_TRUE(check("{}").ok());
  EXPECT_TRUE(check(R"({"prompts":{"query":"search: "},"default_prompt_name":null})").ok());
  EXPECT_TRUE(check(R"({"prompts":{"query":""},"default_prompt_name":"query"})").ok());
  EXPECT_THAT(MessageOf(check(R"({"prompts":{"query":"q: "},"default_prompt_name":"query"})")),
              AllOf(HasSubstr("\"query\""), HasSubstr("\"q: \"")));
  EXPECT_THAT(MessageOf(check(R"({"default_prompt_name":"query"})")), HasSubstr("prompts"));
  EXPECT_TRUE(check(R"({"similarity_fn_name":"cosine"})").ok());
  EXPECT_THAT(MessageOf(check(R"({"similarity_fn_name":"dot"})")), HasSubstr("\"dot\""));
  EXPECT_TRUE(check(R"({"similarity_fn_name":"dot"})", /*normalized=*/true).ok());
  EXPECT_THAT(MessageOf(check(R"({"model_type":"SparseEncoder"})")), HasSubstr("SparseEncoder"));
}

TEST(ModelConfigTest, ReadsAFolder) {
  const ModelFolder folder("tiny-bi-encoder");
  const auto config = ReadModelConfig(folder.path(), ModelKind::kBiEncoder);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pooling, Pooling::kFirst);
  EXPECT_EQ(config->hidden_act, HiddenAct::kGeluTanh);
  EXPECT_EQ(config->max_tokens, 64);
}

TEST(ModelConfigTest, NamesTheFileThatIsMissingOrBroken) {
  const auto error = [](const ModelFolder& folder) {
    const auto config = ReadModelConfig(folder.path(), ModelKind::kBiEncoder);
    EXPECT_FALSE(config.ok());
    return std::string(config.status().message());
  };
  for (const char* name : {"config.json", "modules.json", "1_Pooling/config.json"}) {
    ModelFolder folder("tiny-bi-encoder");
    folder.Remove(name);
    EXPECT_THAT(error(folder), HasSubstr(name));
    EXPECT_EQ(ReadModelConfig(folder.path(), ModelKind::kBiEncoder).status().code(),
              absl::StatusCode::kNotFound);
    folder.Write(name, "{\"a\":");
    EXPECT_THAT(error(folder), AllOf(HasSubstr(name), HasSubstr("not valid JSON")));
  }
  for (const char* name : {"sentence_bert_config.json", "config_sentence_transformers.json"}) {
    ModelFolder folder("tiny-bi-encoder");
    folder.Write(name, "[]");
    EXPECT_THAT(error(folder), HasSubstr(name));
    folder.Remove(name);
    EXPECT_TRUE(ReadModelConfig(folder.path(), ModelKind::kBiEncoder).ok());
  }
}

}  // namespace
}  // namespace rerankd
