#include "evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "util/mutex.h"

namespace rerankd::client {
namespace {

constexpr size_t kDepth = 10;  // of nDCG and MRR

// Whether every other call would fail in the same way.
bool ConcernsAllCalls(const absl::Status& status, bool had_answer) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnimplemented:
      return true;
    case absl::StatusCode::kUnavailable:
      return !had_answer;  // after one it may come back
    default:
      return false;
  }
}

// nullopt unless the answer holds every document once.
std::optional<Ranking> MakeRanking(const JudgedQuery& query, const RerankAnswer& answer) {
  Ranking ranking;
  std::vector<bool> seen(query.documents.size());
  for (const RankedDocument& result : answer.results) {
    if (result.index >= seen.size() || seen[result.index]) return std::nullopt;
    seen[result.index] = true;
    ranking.document_ids.push_back(query.document_ids[result.index]);
    ranking.scores.push_back(result.score);
  }
  if (ranking.document_ids.size() != seen.size()) return std::nullopt;
  return ranking;
}

// What the threads of one run share.
class Collector {
 public:
  Collector(size_t queries, const std::function<void(size_t)>& on_progress)
      : on_progress_(on_progress) {
    const MutexLock lock(mutex_);
    run_.rankings.resize(queries);
  }

  // The next query to send; nullopt when there is none.
  std::optional<size_t> Next() {
    const MutexLock lock(mutex_);
    if (stopped_ || next_ == run_.rankings.size()) return std::nullopt;
    return next_++;
  }

  void Add(size_t index, absl::StatusOr<Ranking> ranking, std::string model) {
    const MutexLock lock(mutex_);
    if (ranking.ok()) {
      run_.rankings[index] = *std::move(ranking);
      run_.model = std::move(model);
      had_answer_ = true;
    } else {
      if (run_.first_error.ok()) run_.first_error = ranking.status();
      if (ConcernsAllCalls(ranking.status(), had_answer_)) stopped_ = true;
    }
    // It is short, and must not run twice at a time.
    on_progress_(++done_);
  }

  ModelRun Take() {
    const MutexLock lock(mutex_);
    run_.errors = static_cast<size_t>(
        std::count_if(run_.rankings.begin(), run_.rankings.end(),
                      [](const std::optional<Ranking>& ranking) { return !ranking.has_value(); }));
    return std::move(run_);
  }

 private:
  const std::function<void(size_t)>& on_progress_;
  Mutex mutex_;
  ModelRun run_ RERANKD_GUARDED_BY(mutex_);
  size_t next_ RERANKD_GUARDED_BY(mutex_) = 0;
  size_t done_ RERANKD_GUARDED_BY(mutex_) = 0;
  bool had_answer_ RERANKD_GUARDED_BY(mutex_) = false;
  bool stopped_ RERANKD_GUARDED_BY(mutex_) = false;
};

void SendQueries(const std::vector<JudgedQuery>& queries, const RerankCall& call,
                 Collector& collector) {
  while (const std::optional<size_t> index = collector.Next()) {
    const JudgedQuery& query = queries[*index];
    const auto begin = std::chrono::steady_clock::now();
    absl::StatusOr<RerankAnswer> answer = call(query);
    const auto end = std::chrono::steady_clock::now();
    if (!answer.ok()) {
      collector.Add(*index, answer.status(), "");
      continue;
    }
    std::optional<Ranking> ranking = MakeRanking(query, *answer);
    if (!ranking.has_value()) {
      collector.Add(*index, absl::InternalError("the answer does not hold every document once"),
                    "");
      continue;
    }
    ranking->milliseconds = std::chrono::duration<double, std::milli>(end - begin).count();
    collector.Add(*index, *std::move(ranking), answer->model);
  }
}

const Grades& GradesOf(const JudgedSet& set, const JudgedQuery& query) {
  static const Grades* const none = new Grades();
  const auto found = set.judgments.find(query.id);
  return found == set.judgments.end() ? *none : found->second;
}

}  // namespace

ModelRun RunQueries(const std::vector<JudgedQuery>& queries, size_t concurrency,
                    const RerankCall& call, const std::function<void(size_t done)>& on_progress) {
  Collector collector(queries.size(), on_progress);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < std::min(concurrency, queries.size()); ++i) {
      threads.emplace_back([&] { SendQueries(queries, call, collector); });
    }
  }
  return collector.Take();
}

ModelRun AsGiven(const std::vector<JudgedQuery>& queries) {
  ModelRun run{.model = "as given"};
  for (const JudgedQuery& query : queries) {
    run.rankings.push_back(Ranking{.document_ids = query.document_ids});
  }
  return run;
}

EvalRow Evaluate(const JudgedSet& set, const ModelRun& run, int relevant) {
  std::vector<double> ndcg;
  std::vector<double> reciprocal_ranks;
  std::vector<double> milliseconds;
  for (size_t i = 0; i < set.queries.size(); ++i) {
    const std::optional<Ranking>& ranking = run.rankings[i];
    if (!ranking.has_value()) continue;
    if (ranking->milliseconds > 0) milliseconds.push_back(ranking->milliseconds);
    const Grades& grades = GradesOf(set, set.queries[i]);
    if (const auto value = Ndcg(ranking->document_ids, grades, kDepth)) ndcg.push_back(*value);
    if (const auto value = ReciprocalRank(ranking->document_ids, grades, relevant, kDepth)) {
      reciprocal_ranks.push_back(*value);
    }
  }
  return {.model = run.model,
          .ndcg = Mean(ndcg),
          .reciprocal_rank = Mean(reciprocal_ranks),
          .p50_milliseconds = Percentile(milliseconds, 0.5),
          .p99_milliseconds = Percentile(milliseconds, 0.99),
          .errors = run.errors};
}

size_t CountJudged(const JudgedSet& set) {
  return static_cast<size_t>(
      std::count_if(set.queries.begin(), set.queries.end(), [&set](const JudgedQuery& query) {
        return Ndcg(query.document_ids, GradesOf(set, query), kDepth).has_value();
      }));
}

void WriteRun(const std::vector<JudgedQuery>& queries, const ModelRun& run, std::ostream& out) {
  for (size_t i = 0; i < queries.size(); ++i) {
    if (!run.rankings[i].has_value()) continue;
    const Ranking& ranking = *run.rankings[i];
    for (size_t rank = 0; rank < ranking.document_ids.size(); ++rank) {
      out << fmt::format("{} Q0 {} {} {} {}\n", queries[i].id, ranking.document_ids[rank], rank + 1,
                         ranking.scores[rank], run.model);
    }
  }
}

}  // namespace rerankd::client
