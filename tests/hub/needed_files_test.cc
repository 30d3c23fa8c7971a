#include "hub/needed_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Files = std::vector<std::string>;
using Contents = std::map<std::string, std::string>;

absl::StatusOr<Files> Needed(const Files& files, const Contents& contents = {}) {
  return NeededFiles(files, "org/name",
                     [&](const std::string& file) -> absl::StatusOr<std::string> {
                       const auto found = contents.find(file);
                       if (found == contents.end()) return absl::NotFoundError(file + " was read");
                       return found->second;
                     });
}

std::string Refusal(const Files& files, const Contents& contents = {}) {
  const auto needed = Needed(files, contents);
  EXPECT_EQ(needed.status().code(), absl::StatusCode::kFailedPrecondition);
  const std::string message(needed.status().message());
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  return message;
}

TEST(NeededFilesTest, OneFileOfWeights) {
  const auto needed = Needed({".gitattributes", "README.md", "config.json", "flax_model.msgpack",
                              "model.safetensors", "onnx/model.onnx", "pytorch_model.bin",
                              "sentencepiece.bpe.model", "tokenizer.json", "tokenizer_config.json",
                              "train_script.py", "x/config.json"});
  ASSERT_TRUE(needed.ok()) << needed.status().ToString();
  EXPECT_THAT(*needed, ElementsAre("config.json", "model.safetensors", "sentencepiece.bpe.model",
                                   "tokenizer.json", "tokenizer_config.json"));
}

TEST(NeededFilesTest, OneFileIsPreferredToShards) {
  const auto needed =
      Needed({"config.json", "model.safetensors", "model.safetensors.index.json", "a.safetensors"});
  ASSERT_TRUE(needed.ok());
  EXPECT_THAT(*needed, ElementsAre("config.json", "model.safetensors"));
}

TEST(NeededFilesTest, TheShardsOfAnIndex) {
  const Files files = {"a.safetensors", "b.safetensors", "c.safetensors", "config.json",
                       "model.safetensors.index.json"};
  const auto needed = Needed(files, {{"model.safetensors.index.json", R"({"weight_map":
      {"x": "b.safetensors", "y": "a.safetensors", "z": "b.safetensors"}})"}});
  ASSERT_TRUE(needed.ok()) << needed.status().ToString();
  EXPECT_THAT(*needed, ElementsAre("a.safetensors", "b.safetensors", "config.json",
                                   "model.safetensors.index.json"));
}

TEST(NeededFilesTest, AnIndexThatCannotBeUsed) {
  const Files files = {"a.bin", "a.safetensors", "config.json", "model.safetensors.index.json",
                       "sub/a.safetensors"};
  for (const char* index :
       {"", "[]", "{}", R"({"weight_map": 1})", R"({"weight_map": {}})",
        R"({"weight_map": {"x": 1}})", R"({"weight_map": {"x": "b.safetensors"}})",
        R"({"weight_map": {"x": "../a.safetensors"}})", R"({"weight_map": {"x": ""}})",
        R"({"weight_map": {"x": "a.bin"}})", R"({"weight_map": {"x": "sub/a.safetensors"}})",
        R"({"weight_map": {"x": "a.safetensors"}, "metadata": {"total_size": -1}})"}) {
    EXPECT_THAT(Refusal(files, {{"model.safetensors.index.json", index}}),
                HasSubstr("model.safetensors.index.json: "))
        << index;
  }
}

TEST(NeededFilesTest, TheFoldersOfModules) {
  const Files files = {"1_Pooling/config.json",
                       "1_Pooling/notes.txt",
                       "2_Dense/config.json",
                       "2_Dense/model.safetensors",
                       "2_Dense/pytorch_model.bin",
                       "3_Other/config.json",
                       "config.json",
                       "config_sentence_transformers.json",
                       "model.safetensors",
                       "modules.json",
                       "sentence_bert_config.json"};
  const auto needed = Needed(files, {{"modules.json", R"([{"path": ""}, {"path": "1_Pooling"},
      {"path": "2_Dense/"}, {"path": "4_Normalize"}, {}])"}});
  ASSERT_TRUE(needed.ok()) << needed.status().ToString();
  EXPECT_THAT(*needed, ElementsAre("1_Pooling/config.json", "2_Dense/config.json",
                                   "2_Dense/model.safetensors", "config.json",
                                   "config_sentence_transformers.json", "model.safetensors",
                                   "modules.json", "sentence_bert_config.json"));
}

TEST(NeededFilesTest, TheModelMayBeInAFolderOfModules) {
  const auto needed = Needed({"0_Transformer/config.json", "0_Transformer/model.safetensors",
                              "0_Transformer/vocab.txt", "modules.json"},
                             {{"modules.json", R"([{"path": "0_Transformer"}])"}});
  ASSERT_TRUE(needed.ok()) << needed.status().ToString();
  EXPECT_EQ(needed->size(), 4);
}

TEST(NeededFilesTest, ModulesThatCannotBeUsed) {
  const Files files = {"config.json", "model.safetensors", "modules.json"};
  std::string many = "[{}";
  for (int n = 0; n < 32; ++n) many += ",{}";
  for (const std::string& modules : {std::string(), std::string("{}"), std::string("[1]"),
                                     std::string(R"([{"path": 1}])"), many + "]"}) {
    EXPECT_THAT(Refusal(files, {{"modules.json", modules}}), HasSubstr("modules.json: "))
        << modules;
  }
  // A path that leads out of the model names no file of it.
  EXPECT_TRUE(Needed(files, {{"modules.json", R"([{"path": "../x"}, {"path": "/etc"}])"}}).ok());
}

TEST(NeededFilesTest, AnErrorOfReadingIsPassedOn) {
  EXPECT_EQ(Needed({"config.json", "model.safetensors", "modules.json"}).status(),
            absl::NotFoundError("modules.json was read"));
}

TEST(NeededFilesTest, NoWeights) {
  EXPECT_THAT(
      Refusal({"config.json", "pytorch_model.bin"}),
      AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("pickle"),
            HasSubstr("from_pretrained('org/name')"), HasSubstr("save_pretrained('FOLDER')")));
  EXPECT_THAT(Refusal({"config.json", "onnx/model.onnx"}), HasSubstr("onnx/model.onnx"));
  EXPECT_THAT(Refusal({"config.json", "README.md"}), HasSubstr("neither model.safetensors"));
  EXPECT_THAT(Refusal({"README.md"}), HasSubstr("config.json"));
  EXPECT_THAT(Refusal({}), HasSubstr("config.json"));
}

}  // namespace
}  // namespace rerankd
