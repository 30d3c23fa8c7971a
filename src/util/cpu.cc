#include "util/cpu.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;

// "max 100000" or "150000 100000" (cgroup v2).
double ReadCpuMax(const fs::path& folder) {
  std::ifstream in(folder / "cpu.max");
  std::string quota;
  double period = 0;
  double limit = 0;
  if (!(in >> quota >> period) || period <= 0 || !absl::SimpleAtod(quota, &limit)) return 0;
  return limit / period;
}

// cpu.cfs_quota_us (-1: none) over cpu.cfs_period_us (cgroup v1).
double ReadCfs(const fs::path& folder) {
  double quota = 0;
  double period = 0;
  if (!(std::ifstream(folder / "cpu.cfs_quota_us") >> quota) || quota <= 0) return 0;
  if (!(std::ifstream(folder / "cpu.cfs_period_us") >> period) || period <= 0) return 0;
  return quota / period;
}

}  // namespace

double CgroupCpuLimit(const CgroupFiles& files) {
  return CgroupLimit(files, "cpu", ReadCpuMax, ReadCfs);
}

int AvailableCpus() {
  int cpus = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) cpus = std::max(1, CPU_COUNT(&mask));
  const double limit = CgroupCpuLimit({});
  if (limit > 0) cpus = std::min(cpus, std::max(1, static_cast<int>(std::ceil(limit))));
  return cpus;
}

}  // namespace rerankd
