// Where traces go, as the setting and OpenTelemetry's environment variable spell it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rerankd {

struct CollectorAddress {
  std::string target;  // as gRPC names it
  bool tls = false;
};

// "host:port", "http://host:port" or "https://host:port"; 4317 where there is no port. OTLP/gRPC
// has no paths. INVALID_ARGUMENT says what it must be.
absl::StatusOr<CollectorAddress> ParseCollectorAddress(std::string_view text);

}  // namespace rerankd
