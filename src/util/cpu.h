// How many processors this process may really use.
#pragma once

#include "util/cgroup.h"

namespace rerankd {

// At least 1: the smaller of the scheduler's affinity mask and the CPU quota of the control group
// (v2 cpu.max or v1 cpu.cfs_quota_us, any ancestor's too), rounded up. A container limited to two
// CPUs on a 64-core machine gets 2.
int AvailableCpus();

// The quota part alone, in processors; 0: no limit.
double CgroupCpuLimit(const CgroupFiles& files);

}  // namespace rerankd
