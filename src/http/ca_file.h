// Files of certificates to trust, looked at before the first connection needs them.
#pragma once

#include <filesystem>

#include "absl/status/status.h"

namespace rerankd {

// Whether HttpRequest::ca_file may name `file`. NOT_FOUND, FAILED_PRECONDITION: it is not there,
// cannot be read, or holds no certificate in PEM that can be read.
absl::Status CheckCaFile(const std::filesystem::path& file);

}  // namespace rerankd
