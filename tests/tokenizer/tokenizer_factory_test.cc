#include "tokenizer/tokenizer_factory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace rerankd {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kNoLimit = std::numeric_limits<size_t>::max();

// Ids: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, a 5, É 6, e 7, ##b 8.
constexpr const char* kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nÉ\ne\n##b\n";

json AddedTokenJson(int id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

json Piece(const std::string& kind, const std::string& id, int type_id) {
  return {{kind, {{"id", id}, {"type_id", type_id}}}};
}

json TokenizerJson() {
  json vocab;
  int id = 0;
  for (const char* token : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "É", "e", "##b"}) {
    vocab[token] = id++;
  }
  const json cls = Piece("SpecialToken", "[CLS]", 0);
  const json sep = Piece("SpecialToken", "[SEP]", 0);
  const json a = Piece("Sequence", "A", 0);
  return {{"version", "1.0"},
          {"truncation", {{"direction", "Right"}, {"max_length", 5}, {"stride", 0}}},
          {"padding", {{"strategy", {{"Fixed", 128}}}}},
          {"added_tokens", {AddedTokenJson(2, "[CLS]"), AddedTokenJson(3, "[SEP]")}},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single", {cls, a, sep}},
            {"pair", {cls, a, sep, Piece("Sequence", "B", 1), Piece("SpecialToken", "[SEP]", 1)}},
            {"special_tokens",
             {{"[CLS]", {{"id", "[CLS]"}, {"ids", {2}}, {"tokens", {"[CLS]"}}}},
              {"[SEP]", {{"id", "[SEP]"}, {"ids", {3}}, {"tokens", {"[SEP]"}}}}}}}},
          {"decoder", {{"type", "WordPiece"}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", vocab}}}};
}

TokenizerFiles JsonFiles(const json& root) {
  return {.folder = "m", .tokenizer_json = root.dump()};
}
TokenizerFiles VocabFiles(const json& config = json::object(), const std::string& vocab = kVocab) {
  return {.folder = "m", .tokenizer_config = config.dump(), .vocab = vocab};
}

std::unique_ptr<Tokenizer> Make(const TokenizerFiles& files) {
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(files);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

std::string Error(const TokenizerFiles& files) {
  const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(files);
  EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(tokenizer.status().message());
}

// The error for a tokenizer.json that is fine but for one change.
std::string JsonError(const std::function<void(json&)>& change) {
  json root = TokenizerJson();
  change(root);
  return Error(JsonFiles(root));
}

TEST(TokenizerFactoryTest, ReadsTokenizerJson) {
  const auto tokenizer = Make(JsonFiles(TokenizerJson()));
  EXPECT_THAT(tokenizer->Tokenize("A[SEP] Éb x").ids, ElementsAre(5, 3, 7, 8, 1));
  EXPECT_THAT(tokenizer->frame().prefix, ElementsAre(2));
  EXPECT_THAT(tokenizer->frame().separator, ElementsAre(3));
  EXPECT_THAT(tokenizer->frame().suffix, ElementsAre(3));
  EXPECT_THAT(tokenizer->frame().single_suffix, ElementsAre(3));
  EXPECT_EQ(tokenizer->frame().document_type_id, 1);
  EXPECT_EQ(tokenizer->id_bound(), 9U);
  EXPECT_EQ(tokenizer->model_max_length(), kNoLimit);  // "truncation" does not count
}

TEST(TokenizerFactoryTest, ReadsBertProcessing) {
  json root = TokenizerJson();
  root["post_processor"] = {
      {"type", "BertProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}};
  const auto tokenizer = Make(JsonFiles(root));
  EXPECT_THAT(tokenizer->frame().prefix, ElementsAre(2));
  EXPECT_THAT(tokenizer->frame().separator, ElementsAre(3));
  EXPECT_EQ(tokenizer->frame().document_type_id, 1);
}

TEST(TokenizerFactoryTest, ReadsRobertaProcessing) {
  json root = TokenizerJson();
  root["post_processor"] = {{"type", "RobertaProcessing"},
                            {"sep", {"[SEP]", 3}},
                            {"cls", {"[CLS]", 2}},
                            {"trim_offsets", true},
                            {"add_prefix_space", false}};
  const auto tokenizer = Make(JsonFiles(root));
  EXPECT_THAT(tokenizer->frame().prefix, ElementsAre(2));
  EXPECT_THAT(tokenizer->frame().separator, ElementsAre(3, 3));
  EXPECT_THAT(tokenizer->frame().suffix, ElementsAre(3));
  EXPECT_THAT(tokenizer->frame().single_suffix, ElementsAre(3));
  EXPECT_EQ(tokenizer->frame().document_type_id, 0);
}

TEST(TokenizerFactoryTest, ReadsASequenceOfPostProcessors) {
  json root = TokenizerJson();
  const json byte_level = {{"type", "ByteLevel"}, {"trim_offsets", true}};
  const json templates = root["post_processor"];
  const auto with = [&root](const json& processors) {
    root["post_processor"] = {{"type", "Sequence"}, {"processors", processors}};
    return JsonFiles(root);
  };
  EXPECT_THAT(Make(with({byte_level, templates}))->frame().prefix, ElementsAre(2));
  EXPECT_THAT(Make(with(json::array({templates})))->frame().separator, ElementsAre(3));
  EXPECT_EQ(Error(with(json::array({byte_level}))),
            "m/tokenizer.json: post_processor: must have a part that adds special tokens");
  EXPECT_EQ(Error(with({templates, templates})),
            "m/tokenizer.json: post_processor.processors[1]: only one may add special tokens");
  EXPECT_EQ(Error(with("x")), "m/tokenizer.json: post_processor: \"processors\" must be a list");
  EXPECT_EQ(Error(with(json::array({7}))),
            "m/tokenizer.json: post_processor.processors[0]: must be an object");
  EXPECT_THAT(Error(with(json::array({{{"type", "Sequence"}}}))),
              StartsWith("m/tokenizer.json: post_processor.processors[0]: the type \"Sequence\""));
}

TEST(TokenizerFactoryTest, TemplateMayHaveSeveralSeparatorsOfTypeZero) {
  json root = TokenizerJson();
  json& processor = root["post_processor"];
  const json cls = Piece("SpecialToken", "[CLS]", 0);
  const json sep = Piece("SpecialToken", "[SEP]", 0);
  processor["pair"] = {cls, Piece("Sequence", "A", 0), sep, sep, Piece("Sequence", "B", 0), sep};
  const auto tokenizer = Make(JsonFiles(root));
  EXPECT_THAT(tokenizer->frame().separator, ElementsAre(3, 3));
  EXPECT_EQ(tokenizer->frame().document_type_id, 0);
}

TEST(TokenizerFactoryTest, ModelTypeMayBeMissingAsInOldFiles) {
  json root = TokenizerJson();
  root["model"].erase("type");
  EXPECT_THAT(Make(JsonFiles(root))->Tokenize("a").ids, ElementsAre(5));
}

TEST(TokenizerFactoryTest, IdBoundCountsAddedTokens) {
  json root = TokenizerJson();
  root["added_tokens"].push_back(AddedTokenJson(9, "<new>"));
  const auto tokenizer = Make(JsonFiles(root));
  EXPECT_THAT(tokenizer->Tokenize("a<new>").ids, ElementsAre(5, 9));
  EXPECT_EQ(tokenizer->id_bound(), 10U);
}

TEST(TokenizerFactoryTest, RefusesOtherPartsOfTokenizerJsonByName) {
  EXPECT_EQ(JsonError([](json& root) { root["model"]["type"] = "WordLevel"; }),
            "m/tokenizer.json: model: the type \"WordLevel\" is not supported (\"WordPiece\", "
            "\"BPE\" and \"Unigram\" are)");
  EXPECT_EQ(
      JsonError([](json& root) { root["normalizer"] = {{"type", "NFKC"}}; }),
      "m/tokenizer.json: normalizer: the type \"NFKC\" is not supported (\"BertNormalizer\" is)");
  EXPECT_EQ(JsonError([](json& root) { root["normalizer"] = nullptr; }),
            "m/tokenizer.json: \"normalizer\" must be an object");
  EXPECT_EQ(JsonError([](json& root) { root["pre_tokenizer"]["type"] = "Whitespace"; }),
            "m/tokenizer.json: pre_tokenizer: the type \"Whitespace\" is not supported "
            "(\"BertPreTokenizer\" is)");
  EXPECT_THAT(
      JsonError([](json& root) { root["post_processor"]["type"] = "ByteLevel"; }),
      StartsWith("m/tokenizer.json: post_processor: the type \"ByteLevel\" is not supported"));
  EXPECT_EQ(JsonError([](json& root) { root["post_processor"] = nullptr; }),
            "m/tokenizer.json: \"post_processor\" must be an object");
  EXPECT_THAT(JsonError([](json& root) { root["version"] = "2.0"; }), HasSubstr("version \"2.0\""));
  EXPECT_THAT(JsonError([](json& root) { root["truncation"]["direction"] = "Left"; }),
              HasSubstr("truncation"));
}

TEST(TokenizerFactoryTest, RefusesOptionsItDoesNotKnow) {
  EXPECT_EQ(JsonError([](json& root) { root["normalizer"]["strip_vowels"] = true; }),
            "m/tokenizer.json: normalizer: \"strip_vowels\" is not supported");
  EXPECT_EQ(JsonError([](json& root) { root["model"]["dropout"] = 0.1; }),
            "m/tokenizer.json: model: \"dropout\" is not supported");
  EXPECT_EQ(JsonError([](json& root) { root["added_tokens"][1]["fuzzy"] = true; }),
            "m/tokenizer.json: added_tokens[1]: \"fuzzy\" is not supported");
  EXPECT_EQ(JsonError([](json& root) { root["extension"] = 1; }),
            "m/tokenizer.json: \"extension\" is not supported");
}

TEST(TokenizerFactoryTest, RefusesMissingAndMistypedFields) {
  EXPECT_EQ(JsonError([](json& root) { root["normalizer"].erase("lowercase"); }),
            "m/tokenizer.json: normalizer: \"lowercase\" is missing");
  EXPECT_THAT(JsonError([](json& root) { root["normalizer"]["clean_text"] = "yes"; }),
              StartsWith("m/tokenizer.json: normalizer: \"clean_text\" must be true or false"));
  EXPECT_EQ(JsonError([](json& root) { root["model"].erase("unk_token"); }),
            "m/tokenizer.json: model: \"unk_token\" is missing");
  EXPECT_EQ(
      JsonError([](json& root) { root["model"]["max_input_chars_per_word"] = -1; }),
      "m/tokenizer.json: model: \"max_input_chars_per_word\" is -1, but must not be negative");
  EXPECT_EQ(JsonError([](json& root) { root["added_tokens"] = 3; }),
            "m/tokenizer.json: \"added_tokens\" must be a list");
  EXPECT_EQ(JsonError([](json& root) { root["added_tokens"][0] = 3; }),
            "m/tokenizer.json: added_tokens[0]: must be an object");
  EXPECT_THAT(Error({.folder = "m", .tokenizer_json = "{"}),
              StartsWith("m/tokenizer.json: not valid JSON"));
  EXPECT_EQ(Error({.folder = "m", .tokenizer_json = "[]"}),
            "m/tokenizer.json: the top level must be a JSON object");
}

TEST(TokenizerFactoryTest, RefusesBrokenVocabularies) {
  EXPECT_EQ(JsonError([](json& root) { root["model"]["vocab"] = json::array({"a"}); }),
            "m/tokenizer.json: model: \"vocab\" must be an object");
  EXPECT_EQ(JsonError([](json& root) { root["model"]["vocab"] = json::object(); }),
            "m/tokenizer.json: the vocabulary is empty");
  EXPECT_EQ(
      JsonError([](json& root) { root["model"]["vocab"]["a"] = 9; }),
      "m/tokenizer.json: model.vocab: the id of \"a\" is 9, but 9 tokens must have the ids from "
      "0 to 8");
  EXPECT_THAT(JsonError([](json& root) { root["model"]["vocab"]["a"] = -1; }),
              HasSubstr("the id of \"a\" is -1"));
  EXPECT_THAT(JsonError([](json& root) { root["model"]["vocab"]["a"] = 5.0; }),
              HasSubstr("the id of \"a\" is 5.0"));
  EXPECT_EQ(JsonError([](json& root) { root["model"]["vocab"]["a"] = 7; }),
            "m/tokenizer.json: model.vocab: \"a\" and \"e\" have the same id 7");
  EXPECT_EQ(JsonError([](json& root) { root["model"]["unk_token"] = "<unk>"; }),
            "m/tokenizer.json: the vocabulary lacks the unknown token \"<unk>\"");
  EXPECT_THAT(JsonError([](json& root) { root["added_tokens"][0]["id"] = 4; }),
              HasSubstr("\"[CLS]\" should have the id 2"));
}

TEST(TokenizerFactoryTest, RefusesTemplatesThatAreNoFrame) {
  const auto with = [](const char* key, const json& pieces) {
    return JsonError([&](json& root) { root["post_processor"][key] = pieces; });
  };
  const json cls = Piece("SpecialToken", "[CLS]", 0);
  const json sep = Piece("SpecialToken", "[SEP]", 0);
  const json a = Piece("Sequence", "A", 0);
  const json b = Piece("Sequence", "B", 1);
  constexpr const char* kOrder =
      "m/tokenizer.json: post_processor.pair: must be special tokens around the sequences A and B, "
      "in this order";
  EXPECT_EQ(with("pair", {cls, b, sep, a, sep}), kOrder);
  EXPECT_EQ(with("pair", {cls, a, sep}), kOrder);
  EXPECT_EQ(with("pair", {cls, a, sep, b, a}), kOrder);
  EXPECT_EQ(with("pair", "$A $B"), kOrder);
  EXPECT_EQ(with("pair", {cls, a, sep, 7}), kOrder);
  EXPECT_THAT(with("single", {cls, b}), HasSubstr("around the sequence A"));
  EXPECT_THAT(with("single", {a, sep}), HasSubstr("begin with the same special tokens"));
  EXPECT_THAT(with("pair", {cls, a, sep, b, sep}), HasSubstr("type_id"));
  EXPECT_THAT(with("pair", {cls, a, sep, Piece("Sequence", "B", 2)}), HasSubstr("type_id"));
  EXPECT_THAT(with("pair", {Piece("SpecialToken", "[CLS]", 1), a, b}), HasSubstr("type_id"));
  EXPECT_EQ(with("single", {cls, a, Piece("SpecialToken", "[EOS]", 0)}),
            "m/tokenizer.json: post_processor.special_tokens: \"[EOS]\" must be an object");
  EXPECT_EQ(
      JsonError(
          [](json& root) { root["post_processor"]["special_tokens"]["[SEP]"]["ids"] = {-3}; }),
      "m/tokenizer.json: post_processor.special_tokens: \"[SEP]\" must have a list of \"ids\"");
  EXPECT_EQ(
      JsonError([](json& root) { root["post_processor"]["special_tokens"]["[SEP]"]["ids"] = {9}; }),
      "m/tokenizer.json: the post-processor's id 9 is not below the vocabulary's 9");
}

TEST(TokenizerFactoryTest, RefusesFilesThatContradictEachOther) {
  TokenizerFiles files = JsonFiles(TokenizerJson());
  files.tokenizer_config = R"({"do_lower_case": false})";
  EXPECT_EQ(Error(files),
            "m/tokenizer_config.json: \"do_lower_case\" is false, but the normalizer of "
            "tokenizer.json does the opposite; make them agree");
  files.tokenizer_config = R"({"strip_accents": false})";
  EXPECT_THAT(Error(files), HasSubstr("\"strip_accents\""));
  files.tokenizer_config = R"({"tokenize_chinese_chars": false})";
  EXPECT_THAT(Error(files), HasSubstr("\"tokenize_chinese_chars\""));
  files.tokenizer_config = R"({"do_lower_case": true, "strip_accents": null})";
  EXPECT_NE(Make(files), nullptr);
  // This class does not look at the setting.
  files.tokenizer_config =
      R"({"do_lower_case": false, "tokenizer_class": "PreTrainedTokenizerFast"})";
  EXPECT_NE(Make(files), nullptr);
}

TEST(TokenizerFactoryTest, ReadsModelMaxLength) {
  const auto length = [](const char* config) {
    return Make({.folder = "m", .tokenizer_config = config, .vocab = kVocab})->model_max_length();
  };
  EXPECT_EQ(length(R"({"model_max_length": 512})"), 512U);
  EXPECT_EQ(length(R"({"model_max_length": 512.0})"), 512U);
  EXPECT_EQ(length(R"({"model_max_length": 1e30})"), kNoLimit);
  EXPECT_EQ(length(R"({"model_max_length": 1000000000000000019884624838656})"), kNoLimit);
  EXPECT_EQ(length(R"({"model_max_length": null})"), kNoLimit);
  EXPECT_EQ(length("{}"), kNoLimit);
  EXPECT_EQ(Error(VocabFiles({{"model_max_length", 0}})),
            "m/tokenizer_config.json: \"model_max_length\" is 0, but must be at least 1");
  EXPECT_THAT(Error(VocabFiles({{"model_max_length", "long"}})),
              HasSubstr("\"model_max_length\" must be a number"));
}

TEST(TokenizerFactoryTest, RefusesSettingsThatChangeIdsBehindTheTokenizersBack) {
  EXPECT_EQ(
      Error(VocabFiles({{"truncation_side", "left"}})),
      "m/tokenizer_config.json: the truncation_side \"left\" is not supported (\"right\" is)");
  EXPECT_EQ(Error(VocabFiles({{"split_special_tokens", true}})),
            "m/tokenizer_config.json: \"split_special_tokens\" is not supported");
}

TEST(TokenizerFactoryTest, ReadsVocabulary) {
  const auto tokenizer = Make(VocabFiles());
  EXPECT_THAT(tokenizer->Tokenize("A[MASK] Éb x").ids, ElementsAre(5, 4, 7, 8, 1));
  EXPECT_THAT(tokenizer->frame().prefix, ElementsAre(2));
  EXPECT_THAT(tokenizer->frame().single_suffix, ElementsAre(3));
  EXPECT_EQ(tokenizer->id_bound(), 9U);
  EXPECT_THAT(Make(VocabFiles({{"do_lower_case", false}}))->Tokenize("A É a").ids,
              ElementsAre(1, 6, 5));
  EXPECT_THAT(
      Make(VocabFiles({{"do_lower_case", false}, {"strip_accents", true}}))->Tokenize("é").ids,
      ElementsAre(7));
}

TEST(TokenizerFactoryTest, VocabularyLinesAreTrimmedAtTheirEnd) {
  const std::string vocab =
      "[PAD]\r\n[UNK] \n[CLS]\t\n[SEP]\u00A0\n[MASK]\n\na\n a";  // no line break at the end
  const auto tokenizer = Make(VocabFiles(json::object(), vocab));
  EXPECT_THAT(tokenizer->Tokenize("a b").ids, ElementsAre(6, 1));
  EXPECT_EQ(tokenizer->id_bound(), 8U);
}

TEST(TokenizerFactoryTest, ReadsNamedAndAddedTokensOfTheConfig) {
  const json config = {
      {"sep_token", {{"__type", "AddedToken"}, {"content", "a"}}},
      {"mask_token", nullptr},
      {"additional_special_tokens", {"e"}},
      {"extra_special_tokens", json::object()},
      {"added_tokens_decoder",
       {{"10", {{"content", "<y>"}}}, {"9", {{"content", "<X>"}, {"normalized", true}}}}}};
  const auto tokenizer = Make(VocabFiles(config));
  EXPECT_THAT(tokenizer->frame().separator, ElementsAre(5));
  EXPECT_THAT(tokenizer->Tokenize("xeb <x><y> [PAD]").ids, ElementsAre(1, 7, 1, 9, 10, 0));
  EXPECT_THAT(tokenizer->Tokenize("[MASK]").ids, ElementsAre(1, 1, 1));
}

TEST(TokenizerFactoryTest, RefusesBrokenVocabularyFiles) {
  EXPECT_EQ(Error(VocabFiles(json::object(), "")), "m/vocab.txt: is empty");
  EXPECT_THAT(Error(VocabFiles(json::object(), "[PAD]\n[UNK]\n[CLS]\na\n")),
              StartsWith("m/vocab.txt: lacks the token \"[SEP]\"; add it"));
  EXPECT_EQ(Error(VocabFiles(json::object(), std::string(kVocab) + "a\n")),
            "m/vocab.txt: the token \"a\" has two ids, 5 and 9");
  EXPECT_EQ(Error(VocabFiles(json::object(), std::string(kVocab) + "\xC3\n")),
            "m/vocab.txt: the token of id 9 is not valid UTF-8");
  EXPECT_EQ(Error(VocabFiles({{"cls_token", nullptr}})),
            "m/tokenizer_config.json: \"cls_token\" must name a token");
  EXPECT_THAT(Error(VocabFiles({{"sep_token", 3}})), HasSubstr("sep_token: must be a token"));
  EXPECT_THAT(Error(VocabFiles({{"added_tokens_decoder", {{"x", "a"}}}})),
              HasSubstr("added_tokens_decoder.x: must be an id with a token"));
  EXPECT_THAT(Error(VocabFiles({{"added_tokens_decoder", {{"12", "<y>"}}}})),
              HasSubstr("\"<y>\" should have the id 9"));
  EXPECT_THAT(Error(VocabFiles({{"tokenizer_class", "BertJapaneseTokenizer"}})),
              HasSubstr("\"BertJapaneseTokenizer\" is not supported"));
}

TEST(TokenizerFactoryTest, RefusesOldFilesThatWouldChangeTheVocabulary) {
  TokenizerFiles files = VocabFiles();
  files.special_tokens_map = R"({"sep_token": "[SEP]", "mask_token": "a"})";
  EXPECT_EQ(Error(files),
            "m/special_tokens_map.json: \"mask_token\" is \"a\", but not by "
            "m/tokenizer_config.json; make them agree");
  files.special_tokens_map = R"({"sep_token": {"content": "[SEP]"}})";
  EXPECT_NE(Make(files), nullptr);
  files.added_tokens = "{}";
  EXPECT_THAT(Error(files), StartsWith("m/added_tokens.json: is not supported"));
}

TEST(TokenizerFactoryTest, LoadsFromAFolder) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "tokenizer_factory_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  EXPECT_TRUE(absl::IsNotFound(LoadTokenizer(folder).status()));
  EXPECT_TRUE(absl::IsNotFound(LoadTokenizer(folder / "missing").status()));

  std::ofstream(folder / "vocab.txt") << kVocab;
  const absl::Status no_config = LoadTokenizer(folder).status();
  EXPECT_TRUE(absl::IsNotFound(no_config));
  EXPECT_THAT(std::string(no_config.message()), HasSubstr("tokenizer_config.json"));

  std::ofstream(folder / "tokenizer_config.json") << R"({"do_lower_case": false})";
  EXPECT_THAT((*LoadTokenizer(folder))->Tokenize("A a").ids, ElementsAre(1, 5));

  // tokenizer.json decides where there is one.
  json root = TokenizerJson();
  root["normalizer"]["lowercase"] = false;
  root["model"]["unk_token"] = "e";
  std::ofstream(folder / "tokenizer.json") << root;
  EXPECT_THAT((*LoadTokenizer(folder))->Tokenize("A a").ids, ElementsAre(7, 5));

  std::filesystem::remove(folder / "tokenizer.json");
  std::filesystem::create_directory(folder / "tokenizer.json");
  EXPECT_THAT(std::string(LoadTokenizer(folder).status().message()),
              HasSubstr("not a regular file"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace rerankd
