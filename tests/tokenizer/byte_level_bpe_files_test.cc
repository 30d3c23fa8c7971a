#include "tokenizer/byte_level_bpe_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "nlohmann/json.hpp"
#include "tokenizer/tokenizer_factory.h"

namespace rerankd {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kCl100k =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

json Vocabulary() {
  json vocab;
  int id = 0;
  for (const char* token :
       {"<s>", "<pad>", "</s>", "<unk>", "a", "b", "ab", "Ġ", "1", "Ġa", "<mask>"}) {
    vocab[token] = id++;
  }
  return vocab;
}

json AddedTokenJson(int id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

json TokenizerJson() {
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", {AddedTokenJson(0, "<s>"), AddedTokenJson(2, "</s>")}},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "ByteLevel"},
            {"add_prefix_space", false},
            {"trim_offsets", true},
            {"use_regex", true}}},
          {"post_processor",
           {{"type", "RobertaProcessing"},
            {"sep", {"</s>", 2}},
            {"cls", {"<s>", 0}},
            {"trim_offsets", true},
            {"add_prefix_space", false}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", ""},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", Vocabulary()},
            {"merges", {"a b", "Ġ a"}}}}};
}

json SplitSequence(const std::string& regex) {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"},
             {"pattern", {{"Regex", regex}}},
             {"behavior", "Isolated"},
             {"invert", false}},
            {{"type", "ByteLevel"},
             {"add_prefix_space", false},
             {"trim_offsets", true},
             {"use_regex", false}}}}};
}

TokenizerFiles JsonFiles(const json& root) {
  return {.folder = "m", .tokenizer_json = root.dump()};
}

TokenizerFiles OldFiles(const json& config = json::object()) {
  return {.folder = "m",
          .tokenizer_config = config.dump(),
          .vocab_json = Vocabulary().dump(),
          .merges = "#version: 0.2\na b\r\nĠ a\n"};
}

std::unique_ptr<Tokenizer> Make(const TokenizerFiles& files) {
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(files);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
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

TEST(ByteLevelBpeJsonTest, Reads) {
  const auto tokenizer = Make(JsonFiles(TokenizerJson()));
  EXPECT_THAT(tokenizer->Tokenize("ab a</s>x").ids, ElementsAre(6, 9, 2));
  EXPECT_THAT(tokenizer->frame().prefix, ElementsAre(0));
  EXPECT_THAT(tokenizer->frame().separator, ElementsAre(2, 2));
  EXPECT_THAT(tokenizer->frame().suffix, ElementsAre(2));
  EXPECT_THAT(tokenizer->frame().single_suffix, ElementsAre(2));
  EXPECT_EQ(tokenizer->frame().document_type_id, 0);
  EXPECT_EQ(tokenizer->id_bound(), 11U);
}

TEST(ByteLevelBpeJsonTest, MergesMayBeListsAndTheTypeMissing) {
  json root = TokenizerJson();
  root["model"]["merges"] = json::array({json::array({"a", "b"}), json::array({"Ġ", "a"})});
  root["model"].erase("type");
  EXPECT_THAT(Make(JsonFiles(root))->Tokenize("ab a").ids, ElementsAre(6, 9));
  root["model"]["merges"] = {"#version: 0.2", "a b"};
  EXPECT_THAT(Make(JsonFiles(root))->Tokenize("ab a").ids, ElementsAre(6, 7, 4));
}

TEST(ByteLevelBpeJsonTest, ReadsThePreTokenizer) {
  json root = TokenizerJson();
  root["pre_tokenizer"]["add_prefix_space"] = true;
  root["pre_tokenizer"].erase("use_regex");  // is true then
  EXPECT_THAT(Make(JsonFiles(root))->Tokenize("a1a").ids, ElementsAre(9, 8, 4));
  root["pre_tokenizer"] = SplitSequence(kCl100k);
  EXPECT_THAT(Make(JsonFiles(root))->Tokenize("a 1").ids, ElementsAre(4, 7, 8));
  root["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "Removed";
  root["pre_tokenizer"]["pretokenizers"][0]["invert"] = true;
  EXPECT_THAT(Make(JsonFiles(root))->Tokenize("a 1").ids, ElementsAre(4, 7, 8));
}

TEST(ByteLevelBpeJsonTest, ReadsTheModelsOptions) {
  json root = TokenizerJson();
  root["model"]["unk_token"] = "<unk>";
  root["model"]["dropout"] = 0.0;
  EXPECT_THAT(Make(JsonFiles(root))->Tokenize("axy").ids, ElementsAre(4, 3, 3));
  root["model"]["fuse_unk"] = true;
  EXPECT_THAT(Make(JsonFiles(root))->Tokenize("axy").ids, ElementsAre(4, 3));
  root["model"]["vocab"]["<0x78>"] = 11;
  root["model"]["byte_fallback"] = true;
  EXPECT_THAT(Make(JsonFiles(root))->Tokenize("axy").ids, ElementsAre(4, 11, 3));
  root["model"]["ignore_merges"] = true;
  root["model"]["merges"] = json::array();
  EXPECT_THAT(Make(JsonFiles(root))->Tokenize("ab").ids, ElementsAre(6));
  root["normalizer"] = {{"type", "NFC"}};
  EXPECT_NE(Make(JsonFiles(root)), nullptr);
}

TEST(ByteLevelBpeJsonTest, RefusesOtherPartsByName) {
  EXPECT_EQ(JsonError([](json& root) { root["normalizer"] = {{"type", "Lowercase"}}; }),
            "m/tokenizer.json: normalizer: the type \"Lowercase\" is not supported (\"NFC\" is)");
  EXPECT_EQ(JsonError([](json& root) { root["normalizer"] = 3; }),
            "m/tokenizer.json: \"normalizer\" must be an object");
  EXPECT_EQ(JsonError([](json& root) { root["pre_tokenizer"] = nullptr; }),
            "m/tokenizer.json: \"pre_tokenizer\" must be an object");
  EXPECT_EQ(JsonError([](json& root) { root["pre_tokenizer"]["type"] = "Metaspace"; }),
            "m/tokenizer.json: pre_tokenizer: the type \"Metaspace\" is not supported beside a BPE "
            "model (\"ByteLevel\" is, alone or in a Sequence after a Split)");
  EXPECT_EQ(JsonError([](json& root) { root["pre_tokenizer"]["prefix"] = "x"; }),
            "m/tokenizer.json: pre_tokenizer: \"prefix\" is not supported");
  EXPECT_EQ(JsonError([](json& root) { root["pre_tokenizer"].erase("add_prefix_space"); }),
            "m/tokenizer.json: pre_tokenizer: \"add_prefix_space\" is missing");
  EXPECT_THAT(JsonError([](json& root) { root["post_processor"]["type"] = "ByteLevel"; }),
              StartsWith("m/tokenizer.json: post_processor: the type \"ByteLevel\""));
  EXPECT_EQ(JsonError([](json& root) { root["model"]["dropout"] = 0.1; }),
            "m/tokenizer.json: model: \"dropout\" is 0.1, but must be null: it makes ids random");
  EXPECT_EQ(JsonError([](json& root) { root["model"]["continuing_subword_prefix"] = "##"; }),
            "m/tokenizer.json: model: the \"continuing_subword_prefix\" \"##\" is not supported "
            "(null or an empty one is)");
  EXPECT_EQ(JsonError([](json& root) { root["model"]["end_of_word_suffix"] = "</w>"; }),
            "m/tokenizer.json: model: the \"end_of_word_suffix\" \"</w>\" is not supported (null "
            "or an empty one is)");
  EXPECT_EQ(JsonError([](json& root) { root["model"]["cache"] = 1; }),
            "m/tokenizer.json: model: \"cache\" is not supported");
}

TEST(ByteLevelBpeJsonTest, RefusesOtherSplits) {
  const auto with = [](const std::function<void(json&)>& change) {
    return JsonError([&](json& root) {
      root["pre_tokenizer"] = SplitSequence(kCl100k);
      change(root["pre_tokenizer"]["pretokenizers"]);
    });
  };
  EXPECT_EQ(with([](json& list) { list[0]["pattern"]["Regex"] = "\\w+"; }),
            "m/tokenizer.json: pre_tokenizer: pretokenizers[0]: pattern: the Regex \"\\\\w+\" is "
            "not supported (those of GPT-2, cl100k/Llama 3 and Qwen 2 are)");
  EXPECT_THAT(with([](json& list) { list[0]["pattern"] = {{"String", " "}}; }),
              HasSubstr("pattern: \"String\" is not supported"));
  EXPECT_EQ(with([](json& list) { list[0]["invert"] = true; }),
            "m/tokenizer.json: pre_tokenizer: pretokenizers[0]: the behavior \"Isolated\" with "
            "\"invert\" true is not supported (\"Isolated\" with false and \"Removed\" with true "
            "are)");
  EXPECT_EQ(with([](json& list) { list[1]["use_regex"] = true; }),
            "m/tokenizer.json: pre_tokenizer: pretokenizers[1]: \"use_regex\" and "
            "\"add_prefix_space\" must be false after a Split");
  EXPECT_THAT(with([](json& list) { list[1]["add_prefix_space"] = true; }),
              HasSubstr("must be false after a Split"));
  constexpr const char* kTwo =
      "m/tokenizer.json: pre_tokenizer: the Sequence must be a Split and a ByteLevel";
  EXPECT_EQ(with([](json& list) { list.push_back({{"type", "Digits"}}); }), kTwo);
  EXPECT_EQ(with([](json& list) { list[0]["type"] = "Digits"; }), kTwo);
  EXPECT_EQ(with([](json& list) { list[1] = 7; }), kTwo);
  EXPECT_EQ(with([](json& list) { list = nullptr; }), kTwo);
}

TEST(ByteLevelBpeJsonTest, RefusesBrokenVocabulariesAndMerges) {
  EXPECT_EQ(JsonError([](json& root) { root["model"]["vocab"] = json::array(); }),
            "m/tokenizer.json: model: \"vocab\" must be an object");
  EXPECT_EQ(JsonError([](json& root) { root["model"]["vocab"] = json::object(); }),
            "m/tokenizer.json: the vocabulary is empty");
  EXPECT_THAT(JsonError([](json& root) { root["model"]["vocab"]["a"] = 5; }),
              HasSubstr("have the same id 5"));
  EXPECT_EQ(JsonError([](json& root) { root["model"].erase("merges"); }),
            "m/tokenizer.json: model: \"merges\" must be a list");
  const auto merge = [](const json& value) {
    return JsonError([&](json& root) { root["model"]["merges"][1] = value; });
  };
  constexpr const char* kMust =
      ", but must be two tokens, in a list or in one text with a space "
      "between them";
  EXPECT_EQ(merge("ab"), std::string("m/tokenizer.json: model: \"merges\"[1] is \"ab\"") + kMust);
  EXPECT_THAT(merge("a b c"), HasSubstr(kMust));
  EXPECT_THAT(merge({"a", "b", "c"}), HasSubstr(kMust));
  EXPECT_THAT(merge({"a", 1}), HasSubstr(kMust));
  EXPECT_THAT(merge(7), HasSubstr(kMust));
  EXPECT_EQ(merge("a a"), "m/tokenizer.json: the vocabulary lacks \"aa\" of merge 1, \"a a\"");
  EXPECT_THAT(merge(" a"), HasSubstr("lacks \"\" of merge 1"));
  EXPECT_THAT(JsonError([](json& root) { root["model"]["unk_token"] = "<nowhere>"; }),
              HasSubstr("lacks the unknown token \"<nowhere>\""));
  EXPECT_EQ(JsonError([](json& root) { root["post_processor"]["sep"][1] = 11; }),
            "m/tokenizer.json: the post-processor's id 11 is not below the vocabulary's 11");
}

TEST(ByteLevelBpeJsonTest, RefusesAConfigThatContradictsIt) {
  TokenizerFiles files = JsonFiles(TokenizerJson());
  files.tokenizer_config = R"({"add_prefix_space": true})";
  EXPECT_EQ(Error(files),
            "m/tokenizer_config.json: \"add_prefix_space\" is true, but the pre_tokenizer of "
            "tokenizer.json says the opposite; make them agree");
  files.tokenizer_config = R"({"add_prefix_space": false})";
  EXPECT_NE(Make(files), nullptr);
  // This class does not look at the setting.
  files.tokenizer_config =
      R"({"add_prefix_space": true, "tokenizer_class": "PreTrainedTokenizerFast"})";
  EXPECT_NE(Make(files), nullptr);
}

TEST(RobertaVocabularyTest, Reads) {
  const auto tokenizer = Make(OldFiles({{"model_max_length", 512}}));
  EXPECT_THAT(tokenizer->Tokenize("ab a</s> <mask>x").ids, ElementsAre(6, 9, 2, 7, 10));
  EXPECT_THAT(tokenizer->frame().prefix, ElementsAre(0));
  EXPECT_THAT(tokenizer->frame().separator, ElementsAre(2, 2));
  EXPECT_EQ(tokenizer->model_max_length(), 512U);
  TokenizerFiles files = OldFiles({{"add_prefix_space", true}});
  EXPECT_THAT(Make(files)->Tokenize("a").ids, ElementsAre(9));
  files.tokenizer_config.reset();
  EXPECT_THAT(Make(files)->Tokenize("a").ids, ElementsAre(4));
}

TEST(RobertaVocabularyTest, ReadsNamedAndAddedTokens) {
  const json mask = {{"__type", "AddedToken"}, {"content", "<mask>"}, {"lstrip", true}};
  EXPECT_THAT(Make(OldFiles({{"mask_token", mask}}))->Tokenize("a <mask>").ids, ElementsAre(4, 10));
  const auto without = Make(OldFiles({{"mask_token", nullptr}, {"sep_token", "<pad>"}}));
  EXPECT_THAT(without->Tokenize("a <mask>").ids, ElementsAre(4, 7, 4));
  EXPECT_THAT(without->frame().separator, ElementsAre(1, 1));
  const auto decoder = Make(OldFiles(
      {{"added_tokens_decoder", {{"11", {{"content", "<x>"}}}, {"10", {{"content", "<mask>"}}}}},
       {"additional_special_tokens", {"ab"}}}));
  EXPECT_THAT(decoder->Tokenize("aab<x>").ids, ElementsAre(4, 6, 11));
}

TEST(RobertaVocabularyTest, OlderFilesOverrideTheConfigUnlessItListsTheTokens) {
  TokenizerFiles files = OldFiles({{"cls_token", "<unk>"}});
  files.special_tokens_map =
      R"({"cls_token": "<pad>", "mask_token": {"content": "<mask>", "lstrip": true}})";
  files.added_tokens = R"({"<x>": 11})";
  auto tokenizer = Make(files);
  EXPECT_THAT(tokenizer->frame().prefix, ElementsAre(1));
  EXPECT_THAT(tokenizer->Tokenize("a <mask><x>").ids, ElementsAre(4, 10, 11));
  // Listed by both: what added_tokens.json says of it counts.
  files.added_tokens = R"({"<mask>": 10})";
  EXPECT_THAT(Make(files)->Tokenize("a <mask>").ids, ElementsAre(4, 7, 10));

  files.tokenizer_config = R"({"added_tokens_decoder": {}})";
  tokenizer = Make(files);
  EXPECT_THAT(tokenizer->frame().prefix, ElementsAre(0));
  EXPECT_THAT(tokenizer->Tokenize("a <mask>").ids, ElementsAre(4, 7, 10));
}

TEST(RobertaVocabularyTest, OfOneTokenWithSeveralFlagsTheLastCounts) {
  const auto token = [](const std::string& content, bool lstrip) {
    return json{{"__type", "AddedToken"}, {"content", content}, {"lstrip", lstrip}};
  };
  const auto ids = [](const json& config) { return Make(OldFiles(config))->Tokenize("a <s>").ids; };
  EXPECT_THAT(ids({{"bos_token", token("<s>", true)}, {"cls_token", token("<s>", false)}}),
              ElementsAre(4, 7, 0));
  EXPECT_THAT(ids({{"bos_token", token("<s>", false)}, {"cls_token", token("<s>", true)}}),
              ElementsAre(4, 0));
  EXPECT_THAT(ids({{"cls_token", token("<s>", true)}}), ElementsAre(4, 0));
  EXPECT_THAT(ids({{"cls_token", token("<s>", true)},
                   {"extra_special_tokens", json::array({token("<s>", false)})}}),
              ElementsAre(4, 7, 0));
  // Unless it is the same as one before.
  EXPECT_THAT(
      ids({{"cls_token", token("<s>", true)}, {"extra_special_tokens", json::array({"<s>"})}}),
      ElementsAre(4, 0));
  EXPECT_THAT(ids({{"bos_token", token("<s>", false)},
                   {"added_tokens_decoder", {{"0", token("<s>", true)}}}}),
              ElementsAre(4, 0))
      << "but one of the decoder before all";
}

// Added tokens of one kind are looked for before those of the other.
TEST(RobertaVocabularyTest, WhetherATokenIsNormalizedByDefault) {
  const auto ids = [](const json& config, const char* added) {
    TokenizerFiles files = OldFiles(config);
    if (added != nullptr) files.added_tokens = added;
    return Make(files)->Tokenize("ab1").ids;
  };
  const char* const kBoth = R"({"ab1": 11, "b1": 12})";
  EXPECT_THAT(ids(json::object(), kBoth), ElementsAre(11));
  // A named one is looked for in the raw text, which is before.
  EXPECT_THAT(ids({{"additional_special_tokens", {"b1"}}}, kBoth), ElementsAre(4, 12));
  const auto decoder = [](const json& b1) {
    return json{{"added_tokens_decoder", {{"11", {{"content", "ab1"}}}, {"12", b1}}}};
  };
  EXPECT_THAT(ids(decoder({{"content", "b1"}}), nullptr), ElementsAre(11));
  EXPECT_THAT(ids(decoder({{"content", "b1"}, {"special", true}}), nullptr), ElementsAre(4, 12));
  json named = decoder({{"content", "b1"}});
  named["mask_token"] = "b1";
  EXPECT_THAT(ids(named, nullptr), ElementsAre(4, 12));
}

TEST(RobertaVocabularyTest, RefusesOtherTokenizers) {
  EXPECT_EQ(Error(OldFiles({{"tokenizer_class", "GPT2Tokenizer"}})),
            "m/tokenizer_config.json: the tokenizer_class \"GPT2Tokenizer\" is not supported from "
            "vocab.json and merges.txt alone; save the tokenizer with a tokenizer.json");
  EXPECT_NE(Make(OldFiles({{"tokenizer_class", "RobertaTokenizerFast"}})), nullptr);
  EXPECT_EQ(Error(OldFiles({{"image_token", "a"}})),
            "m/tokenizer_config.json: \"image_token\" is not supported");
  EXPECT_NE(Make(OldFiles({{"add_bos_token", true}})), nullptr);
}

TEST(RobertaVocabularyTest, RefusesBrokenFiles) {
  TokenizerFiles files = OldFiles();
  files.vocab_json = "[]";
  EXPECT_EQ(Error(files), "m/vocab.json: the top level must be a JSON object");
  files.vocab_json = R"({"a": 1})";
  EXPECT_THAT(Error(files), StartsWith("m/vocab.json: the id of \"a\" is 1"));
  files = OldFiles();
  files.merges = "a b\n\n";
  EXPECT_EQ(Error(files), "m/merges.txt: line 2 must be two tokens with a space between them");
  files.merges = "a b \n";
  EXPECT_THAT(Error(files), HasSubstr("line 1 must be two tokens"));
  files.merges = "a \xC3\n";
  EXPECT_EQ(Error(files), "m/merges.txt: is not valid UTF-8 (byte 2)");
  files.merges = "a a\n";
  EXPECT_THAT(Error(files), StartsWith("m/vocab.json: the vocabulary lacks \"aa\" of merge 0"));
  EXPECT_THAT(Error(OldFiles({{"cls_token", "<cls>"}})),
              StartsWith("m/vocab.json: lacks the token \"<cls>\"; add it, or have"));
  EXPECT_EQ(Error(OldFiles({{"cls_token", nullptr}})),
            "m/tokenizer_config.json: \"cls_token\" must name a token");
  EXPECT_THAT(Error(OldFiles({{"extra_special_tokens", "x"}})), HasSubstr("must be a list"));

  files = OldFiles({{"extra_special_tokens", {"a"}}});
  files.special_tokens_map = R"({"extra_special_tokens": ["b"]})";
  EXPECT_EQ(Error(files),
            "m/special_tokens_map.json: \"extra_special_tokens\" is not the same as in "
            "m/tokenizer_config.json; make them agree");
  files.special_tokens_map = R"({"image_token": "b"})";
  EXPECT_EQ(Error(files), "m/special_tokens_map.json: \"image_token\" is not supported");
  files.special_tokens_map = "7";
  EXPECT_EQ(Error(files), "m/special_tokens_map.json: the top level must be a JSON object");
  files = OldFiles();
  files.added_tokens = R"({"<x>": -1})";
  EXPECT_EQ(Error(files),
            "m/added_tokens.json: the id of \"<x>\" is -1, but must be a whole number");
  files.added_tokens = R"({"<x>": 11, "<y>": 11})";
  EXPECT_EQ(Error(files), "m/added_tokens.json: two tokens have the id 11");
  files.added_tokens = R"({"<x>": 12})";
  EXPECT_THAT(Error(files), HasSubstr("\"<x>\" should have the id 11"));
}

TEST(RobertaVocabularyTest, NeedsBothFiles) {
  TokenizerFiles files = OldFiles();
  files.merges.reset();
  EXPECT_TRUE(absl::IsNotFound(MakeTokenizer(files).status()));
  EXPECT_THAT(std::string(MakeTokenizer(files).status().message()),
              HasSubstr("vocab.json with merges.txt"));
}

}  // namespace
}  // namespace rerankd
