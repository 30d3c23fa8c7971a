// Settings of the traces.
#pragma once

#include <string>

namespace rerankd {

struct TracingOptions {
  // The collector that takes traces over OTLP/gRPC: "host:port" or "http://host:port" without
  // encryption, "https://host:port" with it; empty: none, and no call is traced.
  std::string endpoint;
  // Of the calls that come without a trace, the share that begins one, 0 to 1.
  double sample_ratio = 1;
  // What the traces call this server; empty: "rerankd".
  std::string service_name;
};

}  // namespace rerankd
