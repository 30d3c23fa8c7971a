// How many processors this process may really use.
#pragma once

#include <filesystem>

namespace rerankd {

// At least 1: the smaller of the scheduler's affinity mask and the CPU quota of the control group
// (v2 cpu.max or v1 cpu.cfs_quota_us, any ancestor's too), rounded up. A container limited to two
// CPUs on a 64-core machine gets 2.
int AvailableCpus();

// The quota part alone, for tests: reads `proc_self_cgroup` (the format of /proc/self/cgroup) and
// the hierarchy mounted below `cgroup_root`. Returns 0 when there is no limit.
double CgroupCpuLimit(const std::filesystem::path& proc_self_cgroup,
                      const std::filesystem::path& cgroup_root);

}  // namespace rerankd
