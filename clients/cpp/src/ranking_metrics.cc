#include "ranking_metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace rerankd::client {
namespace {

double DiscountedGain(std::span<const int> gains, size_t k) {
  double sum = 0;
  for (size_t i = 0; i < std::min(k, gains.size()); ++i) {
    sum += std::max(gains[i], 0) / std::log2(static_cast<double>(i) + 2);
  }
  return sum;
}

int GradeOf(const std::string& id, const Grades& grades) {
  const auto found = grades.find(id);
  return found == grades.end() ? 0 : found->second;
}

}  // namespace

std::optional<double> Ndcg(std::span<const std::string> ranking, const Grades& grades, size_t k) {
  std::vector<int> ideal;
  ideal.reserve(grades.size());
  for (const auto& [id, grade] : grades) ideal.push_back(grade);
  std::sort(ideal.begin(), ideal.end(), std::greater<>());
  const double best = DiscountedGain(ideal, k);
  if (best <= 0) return std::nullopt;
  std::vector<int> gains;
  gains.reserve(ranking.size());
  for (const std::string& id : ranking) gains.push_back(GradeOf(id, grades));
  return DiscountedGain(gains, k) / best;
}

std::optional<double> ReciprocalRank(std::span<const std::string> ranking, const Grades& grades,
                                     int relevant, size_t k) {
  const auto is_relevant = [relevant](const auto& judged) { return judged.second >= relevant; };
  if (std::none_of(grades.begin(), grades.end(), is_relevant)) return std::nullopt;
  for (size_t i = 0; i < std::min(k, ranking.size()); ++i) {
    const auto judged = grades.find(ranking[i]);
    if (judged != grades.end() && is_relevant(*judged)) return 1.0 / static_cast<double>(i + 1);
  }
  return 0;
}

std::optional<double> Mean(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> Percentile(std::vector<double> values, double share) {
  if (values.empty()) return std::nullopt;
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace rerankd::client
