#include "util/memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>  // defines __GLIBC__
#include <fstream>
#include <limits>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace rerankd {
namespace {

// A number of bytes, or "max"; v1 writes the largest number of whole pages for no limit.
double ReadBytes(const std::filesystem::path& file) {
  constexpr double kNoLimit = 0x1p60;
  double bytes = 0;
  return std::ifstream(file) >> bytes && bytes < kNoLimit ? bytes : 0;
}

}  // namespace

void ReleaseFreedMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

uint64_t CgroupMemoryLimit(const CgroupFiles& files) {
  return static_cast<uint64_t>(CgroupLimit(
      files, "memory", [](const auto& folder) { return ReadBytes(folder / "memory.max"); },
      [](const auto& folder) { return ReadBytes(folder / "memory.limit_in_bytes"); }));
}

uint64_t AvailableMemory() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t page = sysconf(_SC_PAGESIZE);
  uint64_t bytes = pages > 0 && page > 0
                       ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page)
                       : std::numeric_limits<uint64_t>::max();
  const uint64_t limit = CgroupMemoryLimit({});
  if (limit > 0) bytes = std::min(bytes, limit);
  return bytes;
}

uint64_t AnonymousMemory() {
  std::ifstream in("/proc/self/status");
  for (std::string word; in >> word;) {
    uint64_t kibibytes = 0;
    if (word == "RssAnon:" && in >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace rerankd
