#include "tokenizer/token_agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace rerankd {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kConfig = "m/tokenizer_config.json";

json Added(int id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

// As tokenizer_config.json has it.
json Stated(const std::string& content) {
  json token = Added(0, content);
  token.erase("id");
  return token;
}

// With [CLS] 0, [SEP] 1, [UNK] 2, [MASK] 3, and "a" 4 in the vocabulary only.
json BertJson() {
  return {{"added_tokens",
           {Added(0, "[CLS]"), Added(1, "[SEP]"), Added(2, "[UNK]"), Added(3, "[MASK]")}},
          {"normalizer", {{"type", "BertNormalizer"}}},
          {"post_processor",
           {{"type", "BertProcessing"}, {"sep", {"[SEP]", 1}}, {"cls", {"[CLS]", 0}}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"vocab", {{"[CLS]", 0}, {"[SEP]", 1}, {"[UNK]", 2}, {"[MASK]", 3}, {"a", 4}}}}}};
}

// With <s> 0, </s> 1, <unk> 2 and <mask> 3, and pieces instead of a vocabulary.
TokenizerJson XlmRoberta() {
  TokenizerJson file;
  file.root = {
      {"added_tokens", {Added(0, "<s>"), Added(1, "</s>"), Added(2, "<unk>"), Added(3, "<mask>")}},
      {"normalizer", nullptr},
      {"post_processor",
       {{"type", "RobertaProcessing"}, {"sep", {"</s>", 1}}, {"cls", {"<s>", 0}}}},
      {"model", {{"type", "Unigram"}, {"unk_id", 2}, {"vocab", json::array()}}}};
  file.root["added_tokens"][3]["lstrip"] = true;
  file.pieces = {{"<s>"}, {"</s>"}, {"<unk>"}, {"<mask>"}};
  return file;
}

json DecoderOf(const json& root) {
  json decoder;
  for (json token : root.at("added_tokens")) {
    const std::string id = token.at("id").dump();
    token.erase("id");
    decoder[id] = std::move(token);
  }
  return decoder;
}

struct OldFiles {
  std::optional<std::string> special_tokens_map;
  std::optional<std::string> added_tokens;
};

absl::Status Check(TokenizerJson file, const json& config, const OldFiles& old = {}) {
  file.root = json::parse(file.root.dump());  // whose numbers are of another kind than a literal's
  return CheckTokensAgree(file, "m/tokenizer.json",
                          {.config = config,
                           .special_tokens_map = old.special_tokens_map,
                           .added_tokens = old.added_tokens,
                           .config_origin = kConfig,
                           .special_tokens_map_origin = "m/special_tokens_map.json",
                           .added_tokens_origin = "m/added_tokens.json"});
}

absl::Status CheckBert(json config, const OldFiles& old = {}) {
  config.emplace("tokenizer_class", "BertTokenizer");
  return Check({.root = BertJson()}, config, old);
}

std::string Error(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  return std::string(status.message());
}

TEST(TokenAgreementTest, AcceptsWhatIsTheSame) {
  EXPECT_EQ(CheckBert(json::object()), absl::OkStatus());
  EXPECT_EQ(CheckBert({{"cls_token", "[CLS]"},
                       {"sep_token", "[SEP]"},
                       {"unk_token", "[UNK]"},
                       {"mask_token", "[MASK]"},
                       {"pad_token", nullptr},
                       {"add_bos_token", false},
                       {"additional_special_tokens", json::array()},
                       {"added_tokens_decoder", DecoderOf(BertJson())}}),
            absl::OkStatus());
  EXPECT_EQ(CheckBert(json::object(), {.special_tokens_map = R"({"cls_token": "[CLS]"})",
                                       .added_tokens = R"({"[MASK]": 3})"}),
            absl::OkStatus());
}

TEST(TokenAgreementTest, FlagsOfANamedTokenAreThoseOfTokenizerJson) {
  json named = Stated("[CLS]");
  named["normalized"] = true;
  named["__type"] = "AddedToken";
  EXPECT_EQ(CheckBert({{"cls_token", named}}), absl::OkStatus());
  EXPECT_EQ(CheckBert({{"cls_token", named}, {"added_tokens_decoder", DecoderOf(BertJson())}}),
            absl::OkStatus());
}

TEST(TokenAgreementTest, RefusesOtherTokensAroundASequence) {
  EXPECT_EQ(Error(CheckBert({{"cls_token", "[MASK]"}})),
            "m/tokenizer_config.json: \"cls_token\" is \"[MASK]\" (id 3), but the post_processor "
            "of tokenizer.json begins a sequence with \"[CLS]\" (id 0); make them agree");
  EXPECT_EQ(Error(CheckBert({{"sep_token", Stated("[MASK]")}})),
            "m/tokenizer_config.json: \"sep_token\" is \"[MASK]\" (id 3), but the post_processor "
            "of tokenizer.json ends a sequence with \"[SEP]\" (id 1); make them agree");
  EXPECT_THAT(Error(Check({.root = BertJson()}, {{"cls_token", "[MASK]"}})),
              HasSubstr("begins a sequence"))
      << "a folder that names no class";
}

TEST(TokenAgreementTest, AClassHasTokensWithoutBeingTold) {
  json root = BertJson();
  root["post_processor"]["cls"] = {"[MASK]", 3};
  EXPECT_THAT(Error(Check({.root = root}, {{"tokenizer_class", "BertTokenizerFast"}})),
              HasSubstr("\"cls_token\" is \"[CLS]\" (id 0), but"));
  EXPECT_EQ(Check({.root = root}, json::object()), absl::OkStatus());
}

TEST(TokenAgreementTest, XlmRobertaFramesWithBosAndEos) {
  const auto check = [](const char* key) {
    return Check(XlmRoberta(), {{"tokenizer_class", "XLMRobertaTokenizer"}, {key, "<mask>"}});
  };
  EXPECT_EQ(check("cls_token"), absl::OkStatus());
  EXPECT_EQ(check("sep_token"), absl::OkStatus());
  EXPECT_EQ(check("unk_token"), absl::OkStatus());  // its model has an id for it
  EXPECT_THAT(Error(check("bos_token")), HasSubstr("\"bos_token\" is \"<mask>\" (id 3)"));
  EXPECT_THAT(Error(check("eos_token")), HasSubstr("\"eos_token\" is \"<mask>\" (id 3)"));
}

TEST(TokenAgreementTest, RefusesAnotherUnknownToken) {
  EXPECT_EQ(Error(CheckBert({{"unk_token", "[MASK]"}})),
            "m/tokenizer_config.json: \"unk_token\" is \"[MASK]\", but the model of tokenizer.json "
            "has \"[UNK]\"; make them agree");
}

TEST(TokenAgreementTest, RefusesTokensThatTokenizerJsonDoesNotAdd) {
  EXPECT_EQ(Error(CheckBert({{"mask_token", "a"}})),
            "m/tokenizer_config.json: \"mask_token\" has the token \"a\", but \"added_tokens\" of "
            "tokenizer.json does not; add it there, or take it out here");
  EXPECT_THAT(Error(CheckBert({{"extra_special_tokens", {"[NEW]"}}})),
              HasSubstr("\"extra_special_tokens\" has the token \"[NEW]\""));
  EXPECT_THAT(Error(CheckBert({{"additional_special_tokens", {Stated("[NEW]")}}})),
              HasSubstr("\"additional_special_tokens\" has the token \"[NEW]\""));
  EXPECT_THAT(Error(CheckBert({{"query_token", "[NEW]"}})), HasSubstr("\"query_token\""));
  json decoder = DecoderOf(BertJson());
  decoder["5"] = Stated("[NEW]");
  EXPECT_THAT(Error(CheckBert({{"added_tokens_decoder", decoder}})),
              HasSubstr("\"added_tokens_decoder.5\" has the token \"[NEW]\""));
  EXPECT_THAT(Error(CheckBert(json::object(), {.added_tokens = R"({"[NEW]": 5})"})),
              StartsWith("m/added_tokens.json: \"[NEW]\" has the token \"[NEW]\""));
}

TEST(TokenAgreementTest, RefusesAnotherId) {
  json decoder = DecoderOf(BertJson());
  decoder["7"] = decoder["3"];
  decoder.erase("3");
  EXPECT_EQ(Error(CheckBert({{"added_tokens_decoder", decoder}})),
            "m/tokenizer_config.json: \"added_tokens_decoder.7\" gives the token \"[MASK]\" the id "
            "7, but tokenizer.json the id 3; make them agree");
  EXPECT_THAT(Error(CheckBert(json::object(), {.added_tokens = R"({"[MASK]": 7})"})),
              StartsWith("m/added_tokens.json: \"[MASK]\" gives the token \"[MASK]\" the id 7"));
}

TEST(TokenAgreementTest, RefusesADecoderThatLacksAToken) {
  json root = BertJson();
  root["added_tokens"].push_back(Added(5, "[NEW]"));
  const json decoder = DecoderOf(BertJson());
  EXPECT_EQ(Error(Check({.root = root},
                        {{"tokenizer_class", "BertTokenizer"}, {"added_tokens_decoder", decoder}})),
            "m/tokenizer_config.json: \"added_tokens_decoder\" lacks \"[NEW]\", which "
            "\"added_tokens\" of tokenizer.json has with the id 5; make them agree");
  EXPECT_EQ(Check({.root = root}, {{"tokenizer_class", "BertTokenizer"}}), absl::OkStatus());
  // The class adds its own tokens by itself.
  json less = decoder;
  less.erase("3");
  EXPECT_EQ(CheckBert({{"added_tokens_decoder", less}}), absl::OkStatus());
}

TEST(TokenAgreementTest, RefusesFlagsThatChangeIds) {
  const auto with = [](const TokenizerJson& file, const char* name, const char* id,
                       const char* flag, bool value) {
    json decoder = DecoderOf(file.root);
    decoder[id][flag] = value;
    return Check(file, {{"tokenizer_class", name}, {"added_tokens_decoder", decoder}});
  };
  const TokenizerJson bert = {.root = BertJson()};
  EXPECT_EQ(Error(with(bert, "BertTokenizer", "3", "normalized", true)),
            "m/tokenizer_config.json: \"added_tokens_decoder.3\": \"normalized\" of \"[MASK]\" is "
            "true, but false in \"added_tokens\" of tokenizer.json; make them agree");
  EXPECT_THAT(Error(with(bert, "BertTokenizer", "3", "single_word", true)),
              HasSubstr("\"single_word\""));
  // WordPiece drops white space, whoever takes it, and decoding does not matter here.
  EXPECT_EQ(with(bert, "BertTokenizer", "3", "lstrip", true), absl::OkStatus());
  EXPECT_EQ(with(bert, "BertTokenizer", "3", "special", false), absl::OkStatus());
  EXPECT_THAT(Error(with(XlmRoberta(), "XLMRobertaTokenizer", "3", "lstrip", false)),
              HasSubstr("\"lstrip\" of \"<mask>\" is false, but true"));
  // This one has no normalizer.
  EXPECT_EQ(with(XlmRoberta(), "XLMRobertaTokenizer", "3", "normalized", true), absl::OkStatus());
}

TEST(TokenAgreementTest, SpecialTokensMapCountsWhereThereIsNoDecoder) {
  const OldFiles old = {.special_tokens_map = R"({"cls_token": "[MASK]"})",
                        .added_tokens = std::nullopt};
  EXPECT_THAT(Error(CheckBert({{"cls_token", "[CLS]"}}, old)),
              StartsWith("m/special_tokens_map.json: \"cls_token\" is \"[MASK]\""));
  EXPECT_EQ(CheckBert({{"added_tokens_decoder", DecoderOf(BertJson())}}, old), absl::OkStatus());
}

TEST(TokenAgreementTest, SomeClassesTakeTokenizerJsonAsItIs) {
  for (const char* name : {"PreTrainedTokenizerFast", "TokenizersBackend", "SomeTokenizer"}) {
    json decoder = DecoderOf(BertJson());
    decoder["3"]["normalized"] = true;
    decoder.erase("2");
    EXPECT_EQ(Check({.root = BertJson()}, {{"tokenizer_class", name},
                                           {"cls_token", "[MASK]"},
                                           {"unk_token", "[MASK]"},
                                           {"added_tokens_decoder", decoder}}),
              absl::OkStatus());
    // But they add to it.
    EXPECT_THAT(
        Error(Check({.root = BertJson()}, {{"tokenizer_class", name}, {"pad_token", "[NEW]"}})),
        HasSubstr("\"pad_token\" has the token \"[NEW]\""));
  }
}

TEST(TokenAgreementTest, RefusesWhatIsMalformed) {
  EXPECT_THAT(Error(CheckBert({{"added_tokens_decoder", 3}})),
              HasSubstr("\"added_tokens_decoder\" must be an object"));
  EXPECT_THAT(Error(CheckBert({{"added_tokens_decoder", {{"x", Stated("[CLS]")}}}})),
              HasSubstr("added_tokens_decoder.x: must be an id with a token"));
  EXPECT_THAT(Error(CheckBert({{"extra_special_tokens", {7}}})),
              HasSubstr("extra_special_tokens: must be a token"));
  EXPECT_THAT(Error(CheckBert(json::object(), {.special_tokens_map = "["})),
              StartsWith("m/special_tokens_map.json: not valid JSON"));
  EXPECT_THAT(Error(CheckBert(json::object(), {.added_tokens = R"({"[CLS]": "0"})"})),
              StartsWith("m/added_tokens.json: \"[CLS]\" must be a whole number"));
}

}  // namespace
}  // namespace rerankd
