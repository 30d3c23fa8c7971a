// Settings of the metrics.
#pragma once

#include <string>

namespace rerankd {

struct MetricsOptions {
  // Where Prometheus finds /metrics: "host:port" (port 0: any free one) or "[ipv6]:port"; empty:
  // nowhere, and nothing is counted.
  std::string listen;
};

}  // namespace rerankd
