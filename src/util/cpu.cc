#include "util/cpu.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;

// The tighter of two limits, where 0 means none.
double Tighter(double a, double b) {
  if (a <= 0) return b;
  if (b <= 0) return a;
  return std::min(a, b);
}

// "max 100000" or "150000 100000" (cgroup v2).
double ReadCpuMax(const fs::path& file) {
  std::ifstream in(file);
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

// Applies `read` to root/path and to every ancestor of it down to root.
template <typename Read>
double LimitAlong(const fs::path& root, const std::string& path, Read read) {
  double limit = read(root);
  fs::path folder = root;
  for (const fs::path& part : fs::path(path).relative_path()) {
    folder /= part;
    limit = Tighter(limit, read(folder));
  }
  return limit;
}

}  // namespace

double CgroupCpuLimit(const fs::path& proc_self_cgroup, const fs::path& cgroup_root) {
  double limit = 0;
  std::ifstream in(proc_self_cgroup);
  // Each line is "hierarchy:controllers:path"; v2 has hierarchy 0 and no controllers.
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      limit = Tighter(limit, LimitAlong(cgroup_root, path, [](const fs::path& f) {
                        return ReadCpuMax(f / "cpu.max");
                      }));
      continue;
    }
    std::stringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');) {
      if (name == "cpu")
        limit = Tighter(limit, LimitAlong(cgroup_root / controllers, path, ReadCfs));
    }
  }
  return limit;
}

int AvailableCpus() {
  int cpus = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) cpus = std::max(1, CPU_COUNT(&mask));
  const double limit = CgroupCpuLimit("/proc/self/cgroup", "/sys/fs/cgroup");
  if (limit > 0) cpus = std::min(cpus, std::max(1, static_cast<int>(std::ceil(limit))));
  return cpus;
}

}  // namespace rerankd
