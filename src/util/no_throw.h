// Where exceptions of libraries and of the allocator stop.
#pragma once

#include <exception>
#include <new>

#include "absl/status/status.h"

namespace rerankd {

// What `work` returns (a Status or a StatusOr), or the status that stands for what it threw:
// RESOURCE_EXHAUSTED when memory ran out, INTERNAL for everything else.
template <typename Work>
auto WithoutThrowing(const Work& work) -> decltype(work()) {
  try {
    try {
      return work();
    } catch (const std::bad_alloc&) {
      return absl::ResourceExhaustedError("out of memory");
    } catch (const std::exception& error) {
      return absl::InternalError(error.what());
    } catch (...) {
      return absl::InternalError("an exception of unknown type");
    }
  } catch (...) {
    // Not even memory for a message; a status without one needs none.
    return absl::Status(absl::StatusCode::kResourceExhausted, "");
  }
}

}  // namespace rerankd
