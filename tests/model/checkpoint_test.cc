#include "model/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/model/model_folder.h"

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string MessageOf(const absl::Status& status,
                      absl::StatusCode code = absl::StatusCode::kFailedPrecondition) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
  EXPECT_LT(status.message().size(), 1000U);
  return std::string(status.message());
}

// A copy of a golden folder, its tensors dealt out to three files.
class ShardedFolder : public ModelFolder {
 public:
  ShardedFolder() : ModelFolder("tiny-cross-encoder") {
    EditTensors([&](StoredTensors& tensors) {
      size_t i = 0;
      for (const auto& [name, tensor] : tensors) {
        shards_[i++ % shards_.size()][name] = tensor;
        total_ += tensor.bytes.size();
      }
    });
    Remove("model.safetensors");
    for (size_t i = 0; i < shards_.size(); ++i) {
      Write(FileName(i), SafetensorsBytes(shards_[i]));
      for (const auto& [name, tensor] : shards_[i]) index_["weight_map"][name] = FileName(i);
    }
    index_["metadata"]["total_size"] = total_;
    WriteIndex();
  }

  static std::string FileName(size_t i) {
    return "model-0000" + std::to_string(i + 1) + "-of-00003.safetensors";
  }
  void WriteIndex() { Write("model.safetensors.index.json", index_.dump()); }

  std::vector<StoredTensors> shards_ = std::vector<StoredTensors>(3);
  nlohmann::json index_;
  uint64_t total_ = 0;
};

TEST(CheckpointTest, ShardsAreReadAsOneFile) {
  const ModelFolder single("tiny-cross-encoder");
  const ShardedFolder sharded;
  const auto one = Checkpoint::Open(single.path());
  const auto three = Checkpoint::Open(sharded.path());
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(three.ok()) << three.status();
  EXPECT_EQ(one->identities().size(), 1U);
  EXPECT_EQ(three->identities().size(), 3U);
  EXPECT_EQ(one->tensors().size(), three->tensors().size());
  for (const auto& [name, tensor] : one->tensors()) {
    const auto& other = three->tensors().at(name).view;
    EXPECT_EQ(tensor.view.shape, other.shape) << name;
    EXPECT_TRUE(std::ranges::equal(tensor.view.bytes, other.bytes)) << name;
  }
  three->DropAllPages();
  EXPECT_THAT(std::string(three->tensors().begin()->second.file), HasSubstr("-of-00003"));
  EXPECT_THAT(three->origin(), HasSubstr("model.safetensors.index.json"));
}

TEST(CheckpointTest, ASingleFileWinsAsInTransformers) {
  ShardedFolder folder;
  folder.Write("model.safetensors", SafetensorsBytes(folder.shards_[0]));
  EXPECT_EQ(Checkpoint::Open(folder.path()).value().tensors().size(), folder.shards_[0].size());
}

TEST(CheckpointTest, NamesAMissingShard) {
  ShardedFolder folder;
  folder.Remove(ShardedFolder::FileName(1));
  EXPECT_THAT(MessageOf(Checkpoint::Open(folder.path()).status(), absl::StatusCode::kNotFound),
              AllOf(HasSubstr(ShardedFolder::FileName(1)),
                    HasSubstr("model.safetensors.index.json names")));
}

TEST(CheckpointTest, EachTensorIsInExactlyTheShardThatIsNamed) {
  const std::string name = "classifier.bias";
  {
    ShardedFolder folder;  // mapped to another file
    const std::string right = folder.index_["weight_map"][name];
    folder.index_["weight_map"][name] = ShardedFolder::FileName(0) == right
                                            ? ShardedFolder::FileName(1)
                                            : ShardedFolder::FileName(0);
    folder.WriteIndex();
    EXPECT_THAT(MessageOf(Checkpoint::Open(folder.path()).status()),
                AllOf(HasSubstr("index.json: "), HasSubstr("\"classifier.bias\"")));
  }
  {
    ShardedFolder folder;  // mapped to none
    folder.index_["weight_map"].erase(name);
    folder.WriteIndex();
    EXPECT_THAT(MessageOf(Checkpoint::Open(folder.path()).status()),
                HasSubstr("does not map tensor \"classifier.bias\" to"));
  }
  {
    ShardedFolder folder;  // in a second file too
    const StoredTensor tensor{"F32", {1}, std::string(4, '\0')};
    for (size_t i = 0; i < 3; ++i) {
      folder.shards_[i][name] = tensor;
      folder.Write(ShardedFolder::FileName(i), SafetensorsBytes(folder.shards_[i]));
    }
    EXPECT_THAT(MessageOf(Checkpoint::Open(folder.path()).status()),
                HasSubstr("does not map tensor \"classifier.bias\" to"));
  }
  {
    ShardedFolder folder;  // in the index alone
    folder.index_["weight_map"]["extra"] = ShardedFolder::FileName(2);
    folder.WriteIndex();
    EXPECT_THAT(MessageOf(Checkpoint::Open(folder.path()).status()),
                AllOf(HasSubstr("maps tensor \"extra\" to"), HasSubstr("does not have it")));
  }
}

TEST(CheckpointTest, TheTotalMustBeRight) {
  ShardedFolder folder;
  folder.index_["metadata"]["total_size"] = folder.total_ + 4;
  folder.WriteIndex();
  EXPECT_THAT(MessageOf(Checkpoint::Open(folder.path()).status()),
              AllOf(HasSubstr("\"total_size\" is " + std::to_string(folder.total_ + 4)),
                    HasSubstr(std::to_string(folder.total_) + " bytes")));
}

TEST(CheckpointTest, WithoutWeightsBothPossibleFilesAreNamed) {
  ModelFolder folder("tiny-cross-encoder");
  folder.Remove("model.safetensors");
  EXPECT_THAT(MessageOf(Checkpoint::Open(folder.path()).status(), absl::StatusCode::kNotFound),
              AllOf(HasSubstr("/model.safetensors: "), HasSubstr("model.safetensors.index.json")));
}

}  // namespace
}  // namespace rerankd
