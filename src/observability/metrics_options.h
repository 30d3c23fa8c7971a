// Settings of the metrics.
#pragma once

#include <string>

namespace rerankd {

struct MetricsOptions {
  // Where Prometheus finds /metrics, over IPv4: "host:port" (port 0: any free one); empty: nowhere,
  // and nothing is counted.
  std::string listen;
};

}  // namespace rerankd
