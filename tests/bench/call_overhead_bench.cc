// What gRPC, tokenizing and batching add to a one-document call over the bare forward.
//
//   call_overhead_bench --program build/release/server/rerankd --model FOLDER [--calls 500]
//
// Alternates, call by call: Scorer::Score() of the tokenized pair in this process, and Rerank() of
// its texts over loopback on a server of its own with the same folder. Prints both and the
// difference.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "model/model_loader.h"
#include "rerankd/client.h"
#include "support/server_process.h"
#include "tokenizer/pair_encoder.h"
#include "tokenizer/tokenizer_factory.h"

namespace rerankd {
namespace {

using Clock = std::chrono::steady_clock;

const std::string kQuery = "which licence terms apply to a combined work";
const std::string kDocument =
    "You may convey a work based on the program, or the modifications to produce it from the "
    "program, in the form of source code under the terms of section four, provided that you also "
    "meet all of these conditions.";

double Microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

double Percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(share * static_cast<double>(values.size())))];
}

void PrintRow(const char* name, const std::vector<double>& values) {
  std::printf("%-34s p50 %8.0f us   p99 %8.0f us\n", name, Percentile(values, 0.5),
              Percentile(values, 0.99));
}

int Run(const std::string& folder, int calls) {
  absl::StatusOr<LoadedModel> model = LoadModel({.folder = folder});
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = LoadTokenizer(folder);
  if (!model.ok() || !tokenizer.ok()) {
    std::fprintf(stderr, "%s\n",
                 (model.ok() ? tokenizer.status() : model.status()).ToString().c_str());
    return 1;
  }
  const PairEncoder encoder(**tokenizer, {.max_tokens = model->max_tokens});
  const Encoding pair =
      encoder.EncodePair(encoder.EncodeQuery(kQuery, PairTruncation::kOnlyDocument), kDocument);
  const std::vector<const Encoding*> batch = {&pair};
  model->scorer->PrepareThread();

  ServerProcess server({"--model-path", folder, "--model-kind", "cross_encoder"});
  client::Client client({.target = server.Address()});

  std::vector<double> bare;
  std::vector<double> call;
  std::vector<double> compute;
  for (int i = -20; i < calls; ++i) {
    const Clock::time_point begin = Clock::now();
    const auto scores = model->scorer->Score(batch);
    const Clock::time_point middle = Clock::now();
    const auto answer = client.Rerank(kQuery, {kDocument});
    const Clock::time_point end = Clock::now();
    if (!scores.ok() || !answer.ok()) {
      std::fprintf(stderr, "%s\n",
                   (scores.ok() ? answer.status() : scores.status()).ToString().c_str());
      return 1;
    }
    if (i < 0) continue;  // warm-up
    bare.push_back(Microseconds(middle - begin));
    call.push_back(Microseconds(end - middle));
    compute.push_back(Microseconds(answer->compute));
  }
  std::printf("one document, %zu tokens, %d calls, alternating\n", pair.ids.size(), calls);
  PrintRow("bare forward, this process", bare);
  PrintRow("forward inside the server", compute);
  PrintRow("whole call over gRPC", call);
  std::printf("%-34s p50 %8.0f us\n", "added to the bare forward",
              Percentile(call, 0.5) - Percentile(bare, 0.5));
  std::printf("%-34s p50 %8.0f us\n", "added to the server's own forward",
              Percentile(call, 0.5) - Percentile(compute, 0.5));
  return 0;
}

}  // namespace
}  // namespace rerankd

int main(int argc, char** argv) {
  CLI::App app("What a call adds to the bare forward");
  std::string folder;
  std::string program;
  int calls = 500;
  app.add_option("--model", folder, "a cross-encoder's folder")->required();
  app.add_option("--program", program, "the server")->required();
  app.add_option("--calls", calls, "measured calls");
  CLI11_PARSE(app, argc, argv);
  setenv("RERANKD_PROGRAM", program.c_str(), 1);
  return rerankd::Run(folder, calls);
}
