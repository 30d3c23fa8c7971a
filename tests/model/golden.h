// What tools/make_golden.py wrote, and scoring for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/scorer.h"

namespace rerankd {

inline std::filesystem::path SourceDir() {
  const char* dir = std::getenv("RERANKD_SOURCE_DIR");
  if (dir == nullptr) throw std::runtime_error("RERANKD_SOURCE_DIR is not set; run through ctest");
  return dir;
}

struct GoldenPairs {
  std::vector<Encoding> pairs;
  std::vector<float> logits;
};

struct GoldenCosines {
  std::vector<std::pair<Encoding, Encoding>> pairs;
  std::vector<float> cosines;
};

inline nlohmann::json ReadGolden(const std::filesystem::path& path) {
  std::ifstream in(path);
  return nlohmann::json::parse(in);
}

inline Encoding SingleText(const nlohmann::json& ids) {
  Encoding encoding{.ids = ids.get<std::vector<int32_t>>()};
  encoding.type_ids.assign(encoding.ids.size(), 0);
  return encoding;
}

// Files without "type_ids" have pairs framed as BERT does it: 1 after the first [SEP], which is the
// last id of a pair too. Pairs in which a text itself contains [SEP] cannot be told apart then, and
// are left out.
inline GoldenPairs ReadGoldenPairs(const std::filesystem::path& path) {
  GoldenPairs golden;
  const nlohmann::json file = ReadGolden(path);
  for (const nlohmann::json& row : file.at("pairs")) {
    Encoding pair = SingleText(row.at("input_ids"));
    if (row.contains("type_ids")) {
      pair.type_ids = row.at("type_ids").get<std::vector<int32_t>>();
    } else {
      const int32_t separator = pair.ids.back();
      if (std::count(pair.ids.begin(), pair.ids.end(), separator) != 2) continue;
      const auto query_end = std::find(pair.ids.begin(), pair.ids.end(), separator);
      std::fill(pair.type_ids.begin() + (query_end - pair.ids.begin()) + 1, pair.type_ids.end(), 1);
    }
    golden.pairs.push_back(std::move(pair));
    golden.logits.push_back(row.at("logit").get<float>());
  }
  return golden;
}

inline GoldenCosines ReadGoldenCosines(const std::filesystem::path& path) {
  GoldenCosines golden;
  const nlohmann::json file = ReadGolden(path);
  for (const nlohmann::json& row : file.at("pairs")) {
    golden.pairs.emplace_back(SingleText(row.at("query_ids")), SingleText(row.at("document_ids")));
    golden.cosines.push_back(row.at("cosine").get<float>());
  }
  return golden;
}

inline GoldenCosines ReadSample(const std::filesystem::path& path) {
  const nlohmann::json sample = ReadGolden(path);
  GoldenCosines golden;
  for (const nlohmann::json& row : sample.at("documents")) {
    golden.pairs.emplace_back(SingleText(sample.at("query_ids")), SingleText(row.at("ids")));
    golden.cosines.push_back(row.at("cosine").get<float>());
  }
  return golden;
}

// Throws where the scorer fails: a test then ends with its message.
inline std::vector<float> ScoreAll(Scorer& scorer, const std::vector<Encoding>& batch) {
  std::vector<const Encoding*> pointers;
  pointers.reserve(batch.size());
  for (const Encoding& encoding : batch) pointers.push_back(&encoding);
  absl::StatusOr<std::vector<float>> scores = scorer.Score(pointers);
  if (!scores.ok()) throw std::runtime_error(scores.status().ToString());
  return *std::move(scores);
}

inline float Cosine(Scorer& scorer, const Encoding& query, const Encoding& document) {
  const std::vector<float> rows = ScoreAll(scorer, {query, document});
  const size_t width = scorer.width();
  EXPECT_EQ(rows.size(), 2 * width);
  double cosine = 0;
  for (size_t i = 0; i < width; ++i) cosine += static_cast<double>(rows[i]) * rows[width + i];
  return static_cast<float>(cosine);
}

}  // namespace rerankd
