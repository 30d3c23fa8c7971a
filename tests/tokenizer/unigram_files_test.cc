// The files of Unigram tokenizers, through the factory.
#include "tokenizer/unigram_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "nlohmann/json.hpp"
#include "tokenizer/charsmap_builder.h"
#include "tokenizer/sentencepiece_builder.h"
#include "tokenizer/tokenizer_factory.h"

namespace rerankd {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string Charsmap() { return BuildCharsmap({{"A", "a"}, {"\u3000", " "}}); }

json Metaspace(const std::string& scheme) {
  return {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", scheme}};
}

json TokenizerJson() {
  const json bos = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const json eos = {{"SpecialToken", {{"id", "</s>"}, {"type_id", 0}}}};
  const json a = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const json b = {{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
  return {
      {"version", "1.0"},
      {"added_tokens", json::array({{{"id", 7},
                                     {"content", "<mask>"},
                                     {"single_word", false},
                                     {"lstrip", true},
                                     {"rstrip", false},
                                     {"normalized", false},
                                     {"special", true}}})},
      {"normalizer",
       {{"type", "Precompiled"}, {"precompiled_charsmap", absl::Base64Escape(Charsmap())}}},
      {"pre_tokenizer",
       {{"type", "Sequence"},
        {"pretokenizers", {{{"type", "WhitespaceSplit"}}, Metaspace("always")}}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", {bos, a, eos}},
        {"pair", {bos, a, eos, eos, b, eos}},
        {"special_tokens",
         {{"<s>", {{"id", "<s>"}, {"ids", {0}}, {"tokens", {"<s>"}}}},
          {"</s>", {{"id", "</s>"}, {"ids", {1}}, {"tokens", {"</s>"}}}}}}}},
      {"model",
       {{"type", "Unigram"},
        {"unk_id", 2},
        {"vocab", json::parse(R"([["<s>", 0], ["</s>", 0], ["<unk>", 0], ["\u2581", -1], ["a", -2],
                                 ["b", -2], ["\u2581a", -2]])")},
        {"byte_fallback", false}}}};
}

absl::StatusOr<std::unique_ptr<Tokenizer>> FromJson(const std::function<void(json&)>& change) {
  json root = TokenizerJson();
  change(root);
  return MakeTokenizer({.folder = "m", .tokenizer_json = root.dump()});
}

std::string Error(const absl::StatusOr<std::unique_ptr<Tokenizer>>& tokenizer) {
  EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(tokenizer.status().message());
}
std::string JsonError(const std::function<void(json&)>& change) { return Error(FromJson(change)); }

std::vector<int32_t> Ids(const absl::StatusOr<std::unique_ptr<Tokenizer>>& tokenizer,
                         std::string_view text) {
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? (*tokenizer)->Tokenize(text).ids : std::vector<int32_t>();
}

TEST(UnigramFilesTest, ReadsTokenizerJson) {
  const auto tokenizer = FromJson([](json&) {});
  EXPECT_THAT(Ids(tokenizer, "A\u3000b <mask>x"), ElementsAre(6, 3, 5, 7, 3, 2));
  EXPECT_THAT((*tokenizer)->frame().separator, ElementsAre(1, 1));
  EXPECT_EQ((*tokenizer)->id_bound(), 8U);
}

TEST(UnigramFilesTest, NormalizerAndPreTokenizerMayBeMissing) {
  EXPECT_THAT(Ids(FromJson([](json& root) {
                    root["normalizer"] = nullptr;
                    root.erase("pre_tokenizer");
                  }),
                  "a b"),
              ElementsAre(4, 2, 5));
}

TEST(UnigramFilesTest, RefusesOtherNormalizersByName) {
  const auto with = [](const json& normalizer) {
    return JsonError([&](json& root) { root["normalizer"] = normalizer; });
  };
  EXPECT_THAT(with({{"type", "Nmt"}}),
              StartsWith("m/tokenizer.json: normalizer: the type \"Nmt\" is not supported"));
  EXPECT_THAT(
      with({{"type", "Sequence"}, {"normalizers", {{{"type", "BertNormalizer"}}}}}),
      StartsWith("m/tokenizer.json: normalizer.normalizers[0]: the type \"BertNormalizer\""));
  EXPECT_EQ(with({{"type", "Sequence"}}),
            "m/tokenizer.json: normalizer: \"normalizers\" must be a list");
  EXPECT_EQ(with({{"type", "Sequence"}, {"normalizers", {3}}}),
            "m/tokenizer.json: normalizer.normalizers[0]: must be an object");
  EXPECT_THAT(with({{"type", "Sequence"},
                    {"normalizers", {{{"type", "Sequence"}, {"normalizers", json::array()}}}}}),
              HasSubstr("a \"Sequence\" in a \"Sequence\" is not supported"));
  EXPECT_EQ(with(3), "m/tokenizer.json: normalizer: must be an object");
  EXPECT_THAT(with({{"type", "NFC"}, {"form", 1}}), HasSubstr("\"form\" is not supported"));
}

TEST(UnigramFilesTest, RefusesStepsItCannotTakeExactly) {
  const auto with = [](const json& normalizer) {
    return JsonError([&](json& root) { root["normalizer"] = normalizer; });
  };
  const auto replace = [&](const json& pattern) {
    return with({{"type", "Replace"}, {"pattern", pattern}, {"content", " "}});
  };
  EXPECT_EQ(
      replace({{"Regex", "\\d+"}}),
      "m/tokenizer.json: normalizer.pattern: the regular expression \"\\d+\" is not supported "
      "(\" {2,}\" and \"\\s{2,}|[\\n\\r\\t]\" are)");
  EXPECT_THAT(replace({{"String", ""}}), HasSubstr("\"String\" must not be empty"));
  EXPECT_THAT(replace(json::object()), HasSubstr("must have a \"String\" or a \"Regex\""));
  EXPECT_THAT(replace("x"), HasSubstr("\"pattern\" must be an object"));
  EXPECT_THAT(with({{"type", "Strip"}, {"strip_left", true}}), HasSubstr("\"strip_right\""));
  EXPECT_THAT(with({{"type", "Prepend"}}), HasSubstr("\"prepend\" is missing"));
  EXPECT_EQ(with({{"type", "Precompiled"}, {"precompiled_charsmap", "!"}}),
            "m/tokenizer.json: normalizer: \"precompiled_charsmap\" must be in base64");
  EXPECT_EQ(with({{"type", "Precompiled"}, {"precompiled_charsmap", ""}}),
            "m/tokenizer.json: normalizer: the character map is shorter than its header");
}

TEST(UnigramFilesTest, RefusesOtherPreTokenizersByName) {
  const auto with = [](const json& pre_tokenizer) {
    return JsonError([&](json& root) { root["pre_tokenizer"] = pre_tokenizer; });
  };
  EXPECT_THAT(
      with({{"type", "Punctuation"}}),
      StartsWith("m/tokenizer.json: pre_tokenizer: the type \"Punctuation\" is not supported"));
  EXPECT_THAT(with({{"type", "Sequence"},
                    {"pretokenizers", {Metaspace("always"), {{"type", "WhitespaceSplit"}}}}}),
              StartsWith("m/tokenizer.json: pre_tokenizer.pretokenizers[1]: the type "
                         "\"WhitespaceSplit\" is not supported here"));
  EXPECT_THAT(with({{"type", "Sequence"}}), HasSubstr("\"pretokenizers\" must be a list"));
  EXPECT_THAT(with("x"), HasSubstr("pre_tokenizer: must be an object"));
  EXPECT_THAT(with(Metaspace("last")), HasSubstr("the prepend_scheme \"last\" is not supported"));
  json two_characters = Metaspace("always");
  two_characters["replacement"] = "__";
  EXPECT_THAT(with(two_characters), HasSubstr("\"replacement\" must be one character"));
  json contradiction = Metaspace("always");
  contradiction["add_prefix_space"] = false;
  EXPECT_THAT(with(contradiction), HasSubstr("\"prepend_scheme\" must be \"never\""));
}

TEST(UnigramFilesTest, RefusesPrependFirstWhereItIsNotCertain) {
  const auto with = [](const std::function<void(json&)>& change) {
    return FromJson([&](json& root) {
      root["pre_tokenizer"] = Metaspace("first");
      change(root);
    });
  };
  EXPECT_THAT(Ids(with([](json&) {}), "a<mask>a"), ElementsAre(6, 7, 4));
  EXPECT_EQ(Error(with([](json& root) { root["normalizer"] = {{"type", "StripAccents"}}; })),
            "m/tokenizer.json: pre_tokenizer: the prepend_scheme \"first\" is not supported beside "
            "\"StripAccents\"");
  EXPECT_THAT(Error(with([](json& root) { root["added_tokens"][0]["normalized"] = true; })),
              HasSubstr("beside \"normalized\""));
  EXPECT_THAT(Error(with([](json& root) {
                root["pre_tokenizer"] = {
                    {"type", "Sequence"},
                    {"pretokenizers", {{{"type", "WhitespaceSplit"}}, Metaspace("first")}}};
              })),
              HasSubstr("beside \"WhitespaceSplit\""));
}

TEST(UnigramFilesTest, RefusesBrokenModels) {
  EXPECT_EQ(JsonError([](json& root) { root["model"]["unk_id"] = nullptr; }),
            "m/tokenizer.json: model: \"unk_id\" is missing");
  EXPECT_EQ(JsonError([](json& root) { root["model"]["unk_id"] = 7; }),
            "m/tokenizer.json: the unknown piece's id 7 is not below the vocabulary's 7");
  EXPECT_THAT(JsonError([](json& root) { root["model"]["unk_id"] = -1; }), HasSubstr("is -1"));
  EXPECT_EQ(JsonError([](json& root) { root["model"]["vocab"] = {{"a", 0}}; }),
            "m/tokenizer.json: model: \"vocab\" must be a list of pieces and their scores");
  EXPECT_EQ(JsonError([](json& root) { root["model"]["vocab"][1] = "a"; }),
            "m/tokenizer.json: model: vocab[1] must be a list of a piece and its score");
  EXPECT_EQ(JsonError([](json& root) { root["model"]["dropout"] = 1; }),
            "m/tokenizer.json: model: \"dropout\" is not supported");
}

// --- SentencePiece models ---

std::string Model(const std::string& more = "") {
  return PieceField("<unk>", 0, 2) + PieceField("<s>", 0, 3) + PieceField("</s>", 0, 3) +
         PieceField("\u2581", -1) + PieceField("a", -2) + PieceField("\u2581a", -2) + more +
         BytesField(3, BytesField(2, Charsmap()));
}

TokenizerFiles SpmFiles(const json& config, const std::string& model = Model()) {
  return {.folder = "m", .tokenizer_config = config.dump(), .sentencepiece = model};
}

// Ids as those of transformers 5.23 for such files.
TEST(SentencePieceFilesTest, XlmRobertaShiftsIdsByOne) {
  const auto tokenizer = MakeTokenizer(SpmFiles({{"tokenizer_class", "XLMRobertaTokenizer"}}));
  EXPECT_THAT(Ids(tokenizer, "A\u3000a x <mask></s>"), ElementsAre(6, 6, 4, 3, 7, 2));
  EXPECT_THAT((*tokenizer)->frame().prefix, ElementsAre(0));
  EXPECT_THAT((*tokenizer)->frame().separator, ElementsAre(2, 2));
  EXPECT_EQ((*tokenizer)->frame().document_type_id, 0);
  EXPECT_EQ((*tokenizer)->id_bound(), 8U);
}

TEST(SentencePieceFilesTest, CamembertHasFivePiecesBefore) {
  const auto tokenizer = MakeTokenizer(SpmFiles({{"tokenizer_class", "CamembertTokenizerFast"}}));
  EXPECT_THAT(Ids(tokenizer, "a x <mask>"), ElementsAre(9, 7, 3, 10));
  EXPECT_THAT((*tokenizer)->frame().prefix, ElementsAre(5));
  EXPECT_THAT((*tokenizer)->frame().suffix, ElementsAre(6));
}

TEST(SentencePieceFilesTest, T5HasExtraIdsAfter) {
  const std::string model = PieceField("<pad>", 0, 3) + PieceField("</s>", 0, 3) +
                            PieceField("<unk>", 0, 2) + PieceField("\u2581", -1) +
                            PieceField("\u2581a", -2);
  const auto tokenizer =
      MakeTokenizer(SpmFiles({{"tokenizer_class", "T5Tokenizer"}, {"extra_ids", 3}}, model));
  EXPECT_THAT(Ids(tokenizer, "a x<extra_id_0><extra_id_2>"), ElementsAre(4, 3, 2, 7, 5));
  EXPECT_TRUE((*tokenizer)->frame().prefix.empty());
  EXPECT_THAT((*tokenizer)->frame().separator, ElementsAre(1));
  EXPECT_THAT((*tokenizer)->frame().suffix, ElementsAre(1));
}

TEST(SentencePieceFilesTest, ConfigJsonSaysTheFamilyWhereTheTokenizersConfigDoesNot) {
  TokenizerFiles files = SpmFiles(json::object());
  EXPECT_THAT(Error(MakeTokenizer(files)), HasSubstr("\"tokenizer_class\" must say"));
  files.model_config = R"({"model_type": "xlm-roberta"})";
  EXPECT_THAT(Ids(MakeTokenizer(files), "a"), ElementsAre(6));
  files.tokenizer_config = std::nullopt;
  EXPECT_THAT(Ids(MakeTokenizer(files), "a"), ElementsAre(6));
}

TEST(SentencePieceFilesTest, SpecialTokensMapCountsWhereTheNewerFieldIsMissing) {
  TokenizerFiles files = SpmFiles({{"tokenizer_class", "XLMRobertaTokenizer"}});
  files.special_tokens_map = R"({"pad_token": {"content": "<p>"}})";
  EXPECT_THAT(Ids(MakeTokenizer(files), "<p>"), ElementsAre(1));
  files.tokenizer_config =
      R"({"tokenizer_class": "XLMRobertaTokenizer", "added_tokens_decoder": {}})";
  files.added_tokens = "{}";
  EXPECT_THAT(Ids(MakeTokenizer(files), "<p><pad>"), ElementsAre(4, 3, 1));
}

TEST(SentencePieceFilesTest, AddPrefixSpaceMayBeOff) {
  EXPECT_THAT(Ids(MakeTokenizer(SpmFiles(
                      {{"tokenizer_class", "XLMRobertaTokenizer"}, {"add_prefix_space", false}})),
                  "a"),
              ElementsAre(5));
}

TEST(SentencePieceFilesTest, RefusesOthersByName) {
  const json xlm_r = {{"tokenizer_class", "XLMRobertaTokenizer"}};
  EXPECT_THAT(Error(MakeTokenizer(SpmFiles({{"tokenizer_class", "MBart50Tokenizer"}}))),
              StartsWith("m/tokenizer_config.json: the tokenizer_class \"MBart50Tokenizer\" is not "
                         "supported from a SentencePiece model alone"));
  EXPECT_EQ(Error(MakeTokenizer(SpmFiles(xlm_r, "x"))),
            "m/sentencepiece.bpe.model: not a SentencePiece model");
  EXPECT_EQ(Error(MakeTokenizer(SpmFiles(xlm_r, PieceField("a", 0)))),
            "m/sentencepiece.bpe.model: must begin with the pieces <unk>, <s> and </s>");
  json config = xlm_r;
  config["cls_token"] = "<C>";
  EXPECT_EQ(Error(MakeTokenizer(SpmFiles(config))),
            "m/sentencepiece.bpe.model: lacks the token \"<C>\" that m/tokenizer_config.json asks "
            "for");
  config = xlm_r;
  config["pad_token"] = nullptr;
  EXPECT_EQ(Error(MakeTokenizer(SpmFiles(config))),
            "m/tokenizer_config.json: \"pad_token\" must name a token");
  config = xlm_r;
  config["extra_special_tokens"] = {{"image", "<image>"}};
  EXPECT_THAT(Error(MakeTokenizer(SpmFiles(config))), HasSubstr("must be a list"));
  TokenizerFiles files = SpmFiles(xlm_r);
  files.added_tokens = "{}";
  EXPECT_THAT(Error(MakeTokenizer(files)), StartsWith("m/added_tokens.json: is not supported"));
  EXPECT_EQ(
      Error(MakeTokenizer(
          SpmFiles(xlm_r, Model() + BytesField(3, BytesField(2, std::string(9, '\xFF')))))),
      "m/sentencepiece.bpe.model: the character map says that its array has 4294967295 bytes, "
      "of 9 in all");
}

}  // namespace
}  // namespace rerankd
