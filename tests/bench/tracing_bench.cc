// What tracing costs a call: nothing that is made when it is off, little when a call is not
// sampled, and its spans when it is.
//
//   tracing_bench [--calls 200000] [--threads 2]
//
// Each thread begins a call, tells of its three stages and ends it, as the service and the engine
// do: with no tracer, with one for a call that is not sampled, and for one that is. Now and then it
// takes the spans away, as the exporter does, but does not send them. Prints the processor time of
// a call, all of that included.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "observability/tracing/span_queue.h"
#include "service/call_tracer.h"
#include "util/cpu.h"

namespace rerankd {
namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  int calls = 200'000;
  int threads = AvailableCpus();
};

double ProcessSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void OneCall(const CallTracer* tracer, const std::optional<TraceContext>& caller) {
  const TimePoint start = Clock::now();
  const auto trace = BeginTrace(tracer, caller, [] { return std::string("vendor=value"); }, start);
  if (trace == nullptr) return;
  trace->Worked(CallTrace::Stage::kTokenize, start, start);
  trace->Worked(CallTrace::Stage::kQueue, start, start);
  trace->Worked(CallTrace::Stage::kCompute, start, start);
  RequestLog log;
  log.id = "0123456789abcdef";
  log.method = "Rerank";
  log.model = "bench";
  log.documents = 10;
  log.results = 10;
  log.total = std::chrono::milliseconds(5);
  trace->End(log);
}

void Measure(const char* name, const Arguments& arguments, bool tracing, bool sampled) {
  const auto spans = std::make_shared<SpanQueue>(SpanQueue::Options());
  const CallTracer tracer(Sampler(sampled ? 1 : 0), spans);
  const auto caller =
      ParseTraceparent(sampled ? "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
                               : "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
  constexpr int kCallsOfABatch = 100;
  const double before = ProcessSeconds();
  {
    std::vector<std::jthread> running;
    for (int i = 0; i < arguments.threads; ++i) {
      running.emplace_back([&] {
        for (int n = 0; n < arguments.calls; ++n) {
          OneCall(tracing ? &tracer : nullptr, caller);
          if (n % kCallsOfABatch == 0) spans->Take(Clock::now() + std::chrono::hours(1));
        }
      });
    }
  }
  const double calls = static_cast<double>(arguments.calls) * arguments.threads;
  std::printf("%-24s %5.0f ns of processor time a call\n", name,
              (ProcessSeconds() - before) / calls * 1e9);
  if (spans->dropped() > 0) std::printf("  but spans were dropped, which costs less\n");
}

}  // namespace
}  // namespace rerankd

int main(int argc, char** argv) {
  rerankd::Arguments arguments;
  CLI::App app("What tracing costs a call.");
  app.add_option("--calls", arguments.calls, "of a thread")->capture_default_str();
  app.add_option("--threads", arguments.threads)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  rerankd::Measure("off:", arguments, false, true);
  rerankd::Measure("on, a call not sampled:", arguments, true, false);
  rerankd::Measure("on, a call sampled:", arguments, true, true);
}
