// Sends spans to a collector over OTLP/gRPC.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "observability/tracing/span_queue.h"
#include "service/otlp_conversions.h"
#include "util/clock.h"

namespace rerankd {

// How long to wait before a batch is sent again that failed so, after as many tries; nullopt: it is
// dropped. What the protocol calls retryable is tried five times in about ten seconds. `random` in
// [0, 1).
std::optional<Duration> ExportRetryDelay(const absl::Status& failure, int tries, double random);

// One thread, which takes a batch of a queue, sends it, waits for the answer, and takes the next:
// no call ever waits for it, and a collector that is slow or dead makes the queue drop spans.
class OtlpExporter {
 public:
  struct Options {
    std::string target;  // as gRPC has it: "host:port"
    bool tls = false;
    std::string root_certificates;  // PEM; with `tls`; empty: those that gRPC finds
    TraceResource resource;
    std::chrono::milliseconds timeout{10'000};  // of one attempt
    // Told of the first batch that fails and of the first one that then arrives, not of each; on
    // the exporter's thread. May be empty.
    std::function<void(const absl::Status&)> on_change;
  };

  // Connects when there is something to send.
  OtlpExporter(Options options, std::shared_ptr<SpanQueue> spans);
  // As Close() without time.
  ~OtlpExporter();
  OtlpExporter(const OtlpExporter&) = delete;
  OtlpExporter& operator=(const OtlpExporter&) = delete;

  // Sends what the queue holds, for at most `within`, and closes it; the rest is dropped. Further
  // calls do nothing. Not from two threads at once.
  void Close(Duration within);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace rerankd
