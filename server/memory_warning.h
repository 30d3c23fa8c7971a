// Whether a model will fit into the memory that is left.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace rerankd {

struct MemoryNeeds {
  uint64_t weights = 0;    // bytes that a model's weights will take
  unsigned sessions = 1;   // batches of it that are computed at the same time
  uint64_t in_use = 0;     // bytes that the process has already and cannot give back
  uint64_t available = 0;  // bytes that it may have in all
};

// What to tell whoever runs the server when they do not fit: past its limit the kernel ends a
// process without a word of its own. nullopt: they fit.
std::optional<std::string> MemoryWarning(const MemoryNeeds& needs);

}  // namespace rerankd
