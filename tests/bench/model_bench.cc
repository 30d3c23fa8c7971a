// How fast the model layer alone is: no tokenizing, no queue, no gRPC.
//
//   model_bench MODEL_FOLDER [--precision fp32|bf16] [--kind cross_encoder|bi_encoder]
//               [--rounds N] [--budgets 256,512,…] [--sessions 1,2]
//
// Queries of 32 documents of mixed length (as passages are: about 20 to 400 tokens, median near
// 110), cut into batches of at most so many tokens, longest first. Each budget is measured in turn,
// round after round, so that a busy machine hurts all of them alike; the median round counts. CPU
// time is that of one session for its query: it says what the work costs where others compete.
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "model/model_loader.h"

namespace rerankd {
namespace {

using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double ThreadCpuMilliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// VmRSS, or another line of /proc/self/status, in MiB.
double MemoryMiB(const std::string& line_name) {
  std::ifstream in("/proc/self/status");
  for (std::string name; in >> name;) {
    double kib = 0;
    if (name == line_name + ":" && in >> kib) return kib / 1024;
    in.ignore(1000, '\n');
  }
  return 0;
}

std::vector<Encoding> MakeQuery(std::mt19937& random, const LoadedModel& model) {
  constexpr int kDocuments = 32;
  std::lognormal_distribution<double> length(4.7, 0.75);
  std::uniform_int_distribution<int32_t> id(0, static_cast<int32_t>(model.vocab_size) - 1);
  std::vector<Encoding> query(kDocuments);
  for (Encoding& pair : query) {
    const auto tokens = std::min<size_t>(
        model.max_tokens, static_cast<size_t>(std::clamp(length(random), 20.0, 400.0)) + 15);
    for (size_t i = 0; i < tokens; ++i) {
      pair.ids.push_back(id(random));
      pair.type_ids.push_back(i < 15 || model.type_vocab_size == 1 ? 0 : 1);
    }
  }
  std::sort(query.begin(), query.end(),
            [](const Encoding& a, const Encoding& b) { return a.ids.size() > b.ids.size(); });
  return query;
}

size_t Tokens(const std::vector<Encoding>& query) {
  size_t tokens = 0;
  for (const Encoding& pair : query) tokens += pair.ids.size();
  return tokens;
}

void ScoreInBatches(Scorer& scorer, const std::vector<Encoding>& query, size_t budget) {
  std::vector<const Encoding*> batch;
  size_t tokens = 0;
  const auto flush = [&] {
    if (const auto scores = scorer.Score(batch); !scores.ok()) {
      fprintf(stderr, "%s\n", scores.status().ToString().c_str());
      std::exit(1);
    }
    batch.clear();
    tokens = 0;
  };
  for (const Encoding& pair : query) {
    if (!batch.empty() && tokens + pair.ids.size() > budget) flush();
    batch.push_back(&pair);
    tokens += pair.ids.size();
  }
  flush();
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

int Main(int argc, char** argv) {
  ModelOptions options;
  std::string kind = "cross_encoder";
  int rounds = 7;
  std::vector<size_t> budgets = {256, 512, 1024, 2048, 4096};
  std::vector<int> session_counts = {1, 2};
  CLI::App app("Measures the model layer alone");
  app.add_option("folder", options.folder, "Model folder")->required();
  app.add_option("--precision", options.precision, "fp32 or bf16");
  app.add_option("--kind", kind)->check(CLI::IsMember({"cross_encoder", "bi_encoder"}));
  app.add_option("--rounds", rounds, "Measurements; the median counts")->check(CLI::PositiveNumber);
  app.add_option("--budgets", budgets, "Tokens a batch")->delimiter(',');
  app.add_option("--sessions", session_counts, "Threads that score at once")->delimiter(',');
  CLI11_PARSE(app, argc, argv);
  options.kind = kind == "cross_encoder" ? ModelKind::kCrossEncoder : ModelKind::kBiEncoder;

  const double before = MemoryMiB("VmRSS");
  const Clock::time_point started = Clock::now();
  absl::StatusOr<LoadedModel> model = LoadModel(options);
  if (!model.ok()) {
    fprintf(stderr, "%s\n", model.status().ToString().c_str());
    return 1;
  }
  printf("loaded in %.0f ms; resident %.0f MiB before, %.0f after, %.0f at most\n",
         Milliseconds(Clock::now() - started), before, MemoryMiB("VmRSS"), MemoryMiB("VmHWM"));

  std::mt19937 random(7);
  std::vector<std::vector<Encoding>> queries;
  size_t tokens = 0;
  for (int i = 0; i < rounds; ++i) {
    queries.push_back(MakeQuery(random, *model));
    tokens += Tokens(queries.back());
  }
  const double tokens_per_query = static_cast<double>(tokens) / rounds;
  printf("%s, %d queries of 32 pairs, %.0f tokens a query\n", options.precision.c_str(), rounds,
         tokens_per_query);

  for (const int sessions : session_counts) {
    // [budget][round]: time from the common start until the last session is done with its query.
    std::vector<std::vector<double>> times(budgets.size());
    std::vector<std::vector<double>> cpu_times(budgets.size());
    std::barrier sync(sessions);
    const auto run = [&](int session) {
      model->scorer->PrepareThread();
      for (size_t budget : budgets) ScoreInBatches(*model->scorer, queries[0], budget);
      for (int round = 0; round < rounds; ++round) {
        for (size_t b = 0; b < budgets.size(); ++b) {
          sync.arrive_and_wait();
          const Clock::time_point start = Clock::now();
          const double cpu_start = ThreadCpuMilliseconds();
          ScoreInBatches(*model->scorer, queries[static_cast<size_t>(round)], budgets[b]);
          if (session == 0) cpu_times[b].push_back(ThreadCpuMilliseconds() - cpu_start);
          sync.arrive_and_wait();
          if (session == 0) times[b].push_back(Milliseconds(Clock::now() - start));
        }
      }
    };
    std::vector<std::jthread> threads;
    for (int i = 1; i < sessions; ++i) threads.emplace_back(run, i);
    run(0);
    threads.clear();
    for (size_t b = 0; b < budgets.size(); ++b) {
      const double ms = Median(times[b]) / sessions;
      printf(
          "%d session(s) x 1 thread, %4zu tokens a batch: %6.1f ms a query, %5.0f pairs/s, %6.0f "
          "tokens/s, CPU %6.1f ms a query\n",
          sessions, budgets[b], ms, 32e3 / ms, tokens_per_query * 1e3 / ms, Median(cpu_times[b]));
    }
  }
  printf("resident %.0f MiB, %.0f at most\n", MemoryMiB("VmRSS"), MemoryMiB("VmHWM"));
  return 0;
}

}  // namespace
}  // namespace rerankd

int main(int argc, char** argv) { return rerankd::Main(argc, argv); }
