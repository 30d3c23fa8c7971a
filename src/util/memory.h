// The memory that this process may have, and what it has.
#pragma once

#include <cstdint>

#include "util/cgroup.h"

namespace rerankd {

// Gives freed memory back to the system: an allocator keeps it for the next time, which for a
// model's worth of it may never come. Takes some milliseconds.
void ReleaseFreedMemory();

// In bytes: the smaller of the machine's memory and the limit of the control group (v2 memory.max
// or v1 memory.limit_in_bytes, any ancestor's too).
uint64_t AvailableMemory();

// The group's part alone; 0: no limit.
uint64_t CgroupMemoryLimit(const CgroupFiles& files);

// Bytes of this process that the system cannot drop and read again from a file; 0: it does not say.
uint64_t AnonymousMemory();

}  // namespace rerankd
