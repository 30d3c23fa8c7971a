// Making API keys for a server's keys_file.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "util/secret.h"

namespace rerankd::client {

struct KeyArguments {
  std::string tenant;
  uint64_t tokens_per_second = 0;  // 0: no limit
  uint64_t burst = 0;              // 0: ten seconds' worth
  bool admin = false;
  std::string out;  // a file for the key; empty: none
};

struct MadeKey {
  Secret key;
  std::string line;  // of the keys_file, without its end
};

// A new key. With `out` it is also written to that file, which must not be there yet and which only
// its owner may read. INVALID_ARGUMENT says what is wrong with the arguments or the file.
absl::StatusOr<MadeKey> MakeKey(const KeyArguments& arguments);

}  // namespace rerankd::client
