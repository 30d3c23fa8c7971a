#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

namespace rerankd {

absl::Status Tokenizer::Frame::CheckIds(size_t id_bound) const {
  for (const auto* part : {&prefix, &separator, &suffix, &single_suffix}) {
    for (const int32_t id : *part) {
      if (id < 0 || static_cast<size_t>(id) >= id_bound) {
        return absl::FailedPreconditionError(fmt::format(
            "the post-processor's id {} is not below the vocabulary's {}", id, id_bound));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace rerankd
