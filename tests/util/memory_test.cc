#include "util/memory.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

constexpr uint64_t kMiB = 1 << 20;

TEST(MemoryTest, NoCgroupFilesIsNoLimit) {
  const TempDir dir;
  EXPECT_EQ(CgroupMemoryLimit({dir.path() / "none", dir.path()}), 0);
}

TEST(MemoryTest, ReadsVersionTwo) {
  const TempDir dir;
  const auto self = dir.Write("self", "0::/pod/app\n");
  dir.Write("pod/app/memory.max", "1073741824\n");
  EXPECT_EQ(CgroupMemoryLimit({self, dir.path()}), 1024 * kMiB);
}

TEST(MemoryTest, AnAncestorsTighterLimitCounts) {
  const TempDir dir;
  const auto self = dir.Write("self", "0::/pod/app\n");
  dir.Write("pod/memory.max", "536870912\n");
  dir.Write("pod/app/memory.max", "max\n");
  EXPECT_EQ(CgroupMemoryLimit({self, dir.path()}), 512 * kMiB);
}

TEST(MemoryTest, ReadsVersionOneInsideAContainer) {
  const TempDir dir;
  const auto self = dir.Write("self", "4:memory:/docker/x\n1:cpu:/docker/x\n0::/docker/x\n");
  dir.Write("memory/memory.limit_in_bytes", "536870912\n");
  EXPECT_EQ(CgroupMemoryLimit({self, dir.path()}), 512 * kMiB);
}

TEST(MemoryTest, VersionOneWritesALargeNumberForNoLimit) {
  const TempDir dir;
  const auto self = dir.Write("self", "4:memory:/\n");
  dir.Write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(CgroupMemoryLimit({self, dir.path()}), 0);
}

TEST(MemoryTest, WhatIsWrittenToIsAnonymous) {
  const uint64_t before = AnonymousMemory();
  const std::vector<char> block(64 * kMiB, 'x');
  EXPECT_GE(AnonymousMemory() + kMiB, before + block.size());
  EXPECT_GE(AvailableMemory(), AnonymousMemory());
}

}  // namespace
}  // namespace rerankd
