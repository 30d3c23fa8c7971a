// What counting costs: throughput with metrics against throughput without.
//
//   metrics_bench --model FOLDER [--documents 1] [--callers 8] [--rounds 30] [--slice-ms 500]
//
// Two engines over the same weights, one with the recorders of a server that has metrics and one
// without. They take turns, a slice each; each round gives a ratio of calls a second and one of
// calls a second of the process's own processor time, which says more where others use the machine.
// Beside them, what recording a call and a batch takes by itself, and which share of a call's
// processor time that is.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "engine/local_reranker.h"
#include "model/model_loader.h"
#include "observability/metrics.h"
#include "server/recorders.h"
#include "tokenizer/tokenizer_factory.h"
#include "util/cpu.h"

namespace rerankd {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;

constexpr size_t kMaxBatchTokens = 1024;

struct Arguments {
  std::string model;
  size_t documents = 1;
  int callers = 8;
  int rounds = 30;
  int slice_ms = 500;
};

double ProcessSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void PrintRatios(const char* name, std::vector<double> ratios) {
  std::sort(ratios.begin(), ratios.end());
  std::printf("%s median %.4f, middle half %.4f to %.4f, of %zu rounds\n", name, Median(ratios),
              ratios[ratios.size() / 4], ratios[ratios.size() * 3 / 4], ratios.size());
}

std::unique_ptr<LocalReranker> MakeEngine(const Arguments& arguments, WorkerPool& tokenizing,
                                          std::shared_ptr<EngineRecorder> recorder) {
  auto model = LoadModel({.folder = arguments.model});
  auto tokenizer = LoadTokenizer(arguments.model);
  if (!model.ok() || !tokenizer.ok()) {
    std::fprintf(stderr, "%s\n",
                 (model.ok() ? tokenizer.status() : model.status()).ToString().c_str());
    return nullptr;
  }
  LocalReranker::Options options;
  options.model = "bench";
  options.max_tokens = model->max_tokens;
  options.query_max_tokens = model->max_tokens / 2;
  options.engine.sessions = AvailableCpus();
  options.engine.max_batch_tokens = kMaxBatchTokens;
  options.recorder = std::move(recorder);
  return std::make_unique<LocalReranker>(options, *std::move(tokenizer), std::move(model->scorer),
                                         tokenizing);
}

struct Rates {
  double calls_per_second = 0;
  double calls_per_processor_second = 0;
};

// Of so many callers, each of whom asks again once it has its answer.
Rates Throughput(LocalReranker& engine, const Arguments& arguments, Metrics* metrics) {
  const auto until = Clock::now() + std::chrono::milliseconds(arguments.slice_ms);
  std::atomic<int> answered{0};
  std::counting_semaphore<> ended(0);
  std::function<void()> ask = [&] {
    if (Clock::now() >= until) {
      ended.release();
      return;
    }
    RerankRequest request;
    request.query = "which licence terms apply to a combined work";
    request.documents.assign(arguments.documents,
                             "You may convey a work based on the program under these terms.");
    const auto began = Clock::now();
    engine.Rerank(std::move(request), [&, began](absl::StatusOr<RerankResult> result) {
      if (metrics != nullptr) {
        RequestLog call;
        call.method = "Rerank";
        call.model = "bench";
        call.documents = arguments.documents;
        call.usage = result->usage;
        call.timings = result->timings;
        call.total = Clock::now() - began;
        RecordCall(call, *metrics);
      }
      ++answered;
      ask();
    });
  };
  const auto began = Clock::now();
  const double processor = ProcessSeconds();
  for (int i = 0; i < arguments.callers; ++i) ask();
  for (int i = 0; i < arguments.callers; ++i) ended.acquire();
  return {.calls_per_second = answered / duration<double>(Clock::now() - began).count(),
          .calls_per_processor_second = answered / (ProcessSeconds() - processor)};
}

// Nanoseconds that something takes on each of all processors at the same time.
double CostOf(const std::function<void()>& step) {
  constexpr int kSteps = 200'000;
  const double before = ProcessSeconds();
  const int threads = AvailableCpus();
  {
    std::vector<std::jthread> running;
    for (int i = 0; i < threads; ++i) {
      running.emplace_back([&] {
        for (int n = 0; n < kSteps; ++n) step();
      });
    }
  }
  return (ProcessSeconds() - before) / threads / kSteps * 1e9;
}

int Run(const Arguments& arguments) {
  Metrics metrics({{"bench"}}, "bench");
  WorkerPool tokenizing(AvailableCpus());
  const auto recorder = RecorderOfEngine(&metrics, "bench", kMaxBatchTokens);
  const auto with = MakeEngine(arguments, tokenizing, recorder);
  const auto without = MakeEngine(arguments, tokenizing, nullptr);
  if (with == nullptr || without == nullptr) return 1;

  Throughput(*with, arguments, &metrics);
  Throughput(*without, arguments, nullptr);
  std::vector<double> ratios;
  std::vector<double> processor_ratios;
  std::vector<double> rates;
  std::vector<double> processor_rates;
  for (int round = 0; round < arguments.rounds; ++round) {
    Rates counting;
    Rates plain;
    // Whoever is second has the warmer caches: in turns.
    if (round % 2 == 0) counting = Throughput(*with, arguments, &metrics);
    plain = Throughput(*without, arguments, nullptr);
    if (round % 2 != 0) counting = Throughput(*with, arguments, &metrics);
    ratios.push_back(counting.calls_per_second / plain.calls_per_second);
    processor_ratios.push_back(counting.calls_per_processor_second /
                               plain.calls_per_processor_second);
    rates.push_back(plain.calls_per_second);
    processor_rates.push_back(plain.calls_per_processor_second);
  }
  const double call_us = 1e6 / Median(processor_rates);
  std::printf(
      "calls of %zu document(s), %d callers: %.0f calls/s, %.1f us of processor time each\n",
      arguments.documents, arguments.callers, Median(rates), call_us);
  PrintRatios("calls/s, with metrics / without:", ratios);
  PrintRatios("calls/s of processor time:      ", processor_ratios);

  RequestLog call;
  call.method = "Rerank";
  call.model = "bench";
  call.documents = arguments.documents;
  call.total = std::chrono::milliseconds(5);
  const double record_call = CostOf([&] { RecordCall(call, metrics); });
  const double record_batch = CostOf([&] {
    recorder->QueueChanged(1);
    recorder->BusySessionsChanged(1);
    recorder->BatchFinished(
        {.sequences = 8, .tokens = 500, .compute = std::chrono::milliseconds(5)});
    recorder->BusySessionsChanged(-1);
    recorder->QueueChanged(-1);
  });
  std::printf(
      "recording a call %.0f ns, a batch and its call's queue %.0f ns, on all processors at "
      "once: together %.2f %% of a call\n",
      record_call, record_batch, (record_call + record_batch) / 1000 / call_us * 100);
  return 0;
}

}  // namespace
}  // namespace rerankd

int main(int argc, char** argv) {
  rerankd::Arguments arguments;
  CLI::App app("Throughput with metrics against throughput without.");
  app.add_option("--model", arguments.model, "folder of a cross-encoder")->required();
  app.add_option("--documents", arguments.documents, "of a call")->capture_default_str();
  app.add_option("--callers", arguments.callers, "at the same time")->capture_default_str();
  app.add_option("--rounds", arguments.rounds)->capture_default_str();
  app.add_option("--slice-ms", arguments.slice_ms)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return rerankd::Run(arguments);
}
