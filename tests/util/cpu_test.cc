#include "util/cpu.h"

#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

TEST(CpuTest, ThereIsAtLeastOne) { EXPECT_GE(AvailableCpus(), 1); }

TEST(CpuTest, NoCgroupFilesIsNoLimit) {
  const TempDir dir;
  EXPECT_EQ(CgroupCpuLimit({dir.path() / "none", dir.path()}), 0);
}

TEST(CpuTest, ReadsVersionTwo) {
  const TempDir dir;
  const auto self = dir.Write("self", "0::/pod/app\n");
  dir.Write("pod/app/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(CgroupCpuLimit({self, dir.path()}), 1.5);
}

TEST(CpuTest, AnAncestorsTighterLimitCounts) {
  const TempDir dir;
  const auto self = dir.Write("self", "0::/pod/app\n");
  dir.Write("pod/cpu.max", "50000 100000\n");
  dir.Write("pod/app/cpu.max", "max 100000\n");
  EXPECT_DOUBLE_EQ(CgroupCpuLimit({self, dir.path()}), 0.5);
}

TEST(CpuTest, InsideAContainerTheRootHasTheLimit) {
  const TempDir dir;
  const auto self = dir.Write("self", "0::/\n");
  dir.Write("cpu.max", "200000 100000\n");
  EXPECT_DOUBLE_EQ(CgroupCpuLimit({self, dir.path()}), 2);
}

TEST(CpuTest, ReadsVersionOne) {
  const TempDir dir;
  const auto self = dir.Write("self", "4:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n");
  dir.Write("cpu,cpuacct/docker/x/cpu.cfs_quota_us", "250000\n");
  dir.Write("cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(CgroupCpuLimit({self, dir.path()}), 2.5);
}

TEST(CpuTest, VersionOneWithoutQuotaIsNoLimit) {
  const TempDir dir;
  const auto self = dir.Write("self", "4:cpu,cpuacct:/\n");
  dir.Write("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  dir.Write("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(CgroupCpuLimit({self, dir.path()}), 0);
}

}  // namespace
}  // namespace rerankd
