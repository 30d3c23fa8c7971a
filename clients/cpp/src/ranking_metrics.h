// How good a ranking is, by judgments of its documents.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace rerankd::client {

// The judged documents of one query: id to grade. What is not judged counts as grade 0, as do
// grades below.
using Grades = std::unordered_map<std::string, int>;

// Normalized discounted cumulative gain of the first `k` documents, as trec_eval's ndcg_cut: the
// gain is the grade, the discount log2(rank + 1), and the ideal order is of all judged documents,
// whether they are in the ranking or not. nullopt when none has a grade above 0.
std::optional<double> Ndcg(std::span<const std::string> ranking, const Grades& grades, size_t k);

// 1 / the rank of the first document of grade `relevant` or more, 0 when the first `k` have none.
// nullopt when no judged document has such a grade.
std::optional<double> ReciprocalRank(std::span<const std::string> ranking, const Grades& grades,
                                     int relevant, size_t k);

// nullopt of nothing.
std::optional<double> Mean(std::span<const double> values);

// The smallest value that a share of `share` of all values does not exceed (nearest rank).
// nullopt of nothing. REQUIRES: 0 < share <= 1.
std::optional<double> Percentile(std::vector<double> values, double share);

}  // namespace rerankd::client
