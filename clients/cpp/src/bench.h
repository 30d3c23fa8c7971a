// `rerankctl bench`: how long calls to a server take, and how many it answers.
#pragma once

#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "load_generator.h"

namespace rerankd::client {

struct BenchArguments {
  std::string query;      // with `documents`, or a generated one
  std::string documents;  // a file, "-" or empty: generated ones
  std::string format;     // of that file; a key of the formats, or empty
  std::string model;      // empty: the server's default
  size_t generated_documents = 32;
  size_t generated_words = 60;
  std::optional<double> rate;
  size_t concurrency = 0;  // 0: 1 in a closed loop, 64 in an open one
  size_t calls = 0;
  double seconds = 10;  // counts where `calls` is 0
};

// What is sent, again and again.
struct BenchRequest {
  std::string query;
  std::vector<std::string> documents;
};

// The same texts whenever and wherever it is called; a word is about a token.
BenchRequest GeneratedRequest(size_t documents, size_t words);

LoadOptions LoadOptionsOf(const BenchArguments& arguments);

// How far it is, from 0 to 1.
double BenchFraction(const LoadOptions& options, size_t done, std::chrono::nanoseconds elapsed);

// `interrupted`: it was stopped before its end.
std::string BenchTable(const LoadOptions& options, size_t documents, const LoadResult& result,
                       bool interrupted);
nlohmann::ordered_json BenchJson(const LoadOptions& options, size_t documents,
                                 const LoadResult& result, bool interrupted);

}  // namespace rerankd::client
