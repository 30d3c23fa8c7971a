// A piece of a YAML file as JSON text.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace YAML {
class Node;
}

namespace rerankd {

// Plain scalars are null, true, false, whole numbers, decimal numbers, or else text, as in YAML's
// core schema; quoted ones are text. INVALID_ARGUMENT says what JSON does not have: a key that is
// no scalar, a number that is not finite, more than 32 levels.
absl::StatusOr<std::string> JsonOf(const YAML::Node& node);

}  // namespace rerankd
