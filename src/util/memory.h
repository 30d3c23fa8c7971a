// Memory that the process holds but does not use.
#pragma once

namespace rerankd {

// Gives freed memory back to the system: an allocator keeps it for the next time, which for a
// model's worth of it may never come. Takes some milliseconds.
void ReleaseFreedMemory();

}  // namespace rerankd
