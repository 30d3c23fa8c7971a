#include "engine/local_reranker.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "core/call_trace.h"
#include "core/errors.h"
#include "core/top_k.h"
#include "engine/dynamic_batcher.h"
#include "engine/job.h"
#include "engine/session_pool.h"
#include "tokenizer/pair_encoder.h"
#include "util/cpu.h"
#include "util/no_throw.h"

namespace rerankd {
namespace {

// Up to that many bytes, tokenizing is cheaper than handing it to another thread.
constexpr size_t kInlineBytes = 8 << 10;
// What one worker tokenizes before another request has its turn.
constexpr size_t kChunkBytes = 32 << 10;

PairTruncation ToPairTruncation(Truncation truncation) {
  switch (truncation) {
    case Truncation::kOnlyDocument:
      return PairTruncation::kOnlyDocument;
    case Truncation::kLongestFirst:
      return PairTruncation::kLongestFirst;
    case Truncation::kRefuse:
      return PairTruncation::kRefuse;
  }
  return PairTruncation::kOnlyDocument;
}

// In double, rounded once: two different logits then tie as late as a float can tell them apart.
float Activate(float raw, ScoreKind kind) {
  if (kind == ScoreKind::kRaw) return raw;
  return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(raw))));
}

float Dot(std::span<const float> a, std::span<const float> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
}

// `text` after `prompt`; `together` holds them where there are two.
std::string_view Prompted(const std::string& prompt, const std::string& text,
                          std::string& together) {
  if (prompt.empty()) return text;
  together.assign(prompt).append(text);
  return together;
}

// What became of a job that has ended; only for calls that are traced.
void TraceJob(const Job& job, const absl::StatusOr<Job::Output>& output, CallTrace& trace) {
  using Stage = CallTrace::Stage;
  const TimePoint submitted = job.spec().arrival;
  const TimePoint end =
      output.ok() ? submitted + output->queue + output->compute : std::chrono::steady_clock::now();
  const TimePoint started = job.started() ? job.started_at() : end;
  trace.Worked(Stage::kQueue, submitted, started);
  if (job.started()) trace.Worked(Stage::kCompute, started, end);
}

absl::Status GoneStatus(const RerankRequest& request, TimePoint now) {
  if (request.deadline <= now) return absl::DeadlineExceededError("the deadline has passed");
  if (request.cancelled.stop_requested()) return absl::CancelledError("the caller went away");
  return absl::OkStatus();
}

}  // namespace

// Shared by the requests that are under way, so that tokenizing may end after the reranker does.
class LocalReranker::Impl : public std::enable_shared_from_this<LocalReranker::Impl> {
 public:
  Impl(Options options, std::unique_ptr<Tokenizer> tokenizer, std::unique_ptr<Scorer> scorer,
       WorkerPool& tokenizing)
      : options_(Resolve(std::move(options))),
        tokenizer_(std::move(tokenizer)),
        scorer_(std::move(scorer)),
        tokenizing_(tokenizing),
        encoder_(*tokenizer_, {.max_tokens = options_.max_tokens,
                               .query_max_tokens = options_.query_max_tokens}),
        batcher_({.max_batch_tokens = *options_.engine.max_batch_tokens,
                  .max_delay = options_.engine.max_batch_delay,
                  .sessions = options_.engine.sessions}),
        sessions_(std::make_unique<SessionPool>(options_.engine.sessions, batcher_, *scorer_,
                                                *options_.recorder)) {}

  void Rerank(RerankRequest request, Done done);
  void Close() { sessions_.reset(); }

 private:
  // A request on its way to the batcher. Workers fill in disjoint parts of `sequences`.
  struct Call {
    RerankRequest request;
    Done done;
    TimePoint arrival;
    PairEncoder::Query query;
    std::vector<Encoding> sequences;  // a bi-encoder's query comes first
    std::vector<size_t> chunks;       // documents [chunks[i], chunks[i + 1]) go together
    std::atomic<size_t> next_chunk{0};
    std::atomic<size_t> open_chunks{0};
    std::atomic<bool> answered{false};
  };

  static Options Resolve(Options options);
  absl::Status Admit(size_t documents);
  // Answers the call, unless it was answered already. `computed`: some of it was.
  void Finish(Call& call, absl::StatusOr<RerankResult> result, bool computed = false);
  // Tells of a call that ends with `status` if nobody waits for it any more.
  void RecordIfAbandoned(const RerankRequest& request, const absl::Status& status,
                         bool computed) const;
  // Runs a step of the call; what it throws is the call's answer. True: the step is done.
  template <typename Step>
  bool Try(Call& call, const Step& step);
  void Start(const std::shared_ptr<Call>& call);
  size_t first_document() const { return options_.reads_pairs ? 0 : 1; }

  void EncodeQuery(Call& call) const;
  void EncodeDocuments(Call& call, size_t begin, size_t end) const;
  void WorkOn(const std::shared_ptr<Call>& call);
  void Submit(const std::shared_ptr<Call>& call);
  absl::Status CheckFits(const Call& call) const;
  absl::StatusOr<RerankResult> Gather(const Call& call, Duration tokenize, const TokenUsage& usage,
                                      const std::vector<bool>& truncated,
                                      const Job::Output& output) const;

  const Options options_;
  const std::unique_ptr<Tokenizer> tokenizer_;
  const std::unique_ptr<Scorer> scorer_;
  WorkerPool& tokenizing_;
  const PairEncoder encoder_;
  std::atomic<size_t> admitted_documents_{0};
  DynamicBatcher batcher_;
  std::unique_ptr<SessionPool> sessions_;
};

LocalReranker::Options LocalReranker::Impl::Resolve(Options options) {
  options.engine = Resolved(options.engine, /*on_gpu=*/false, AvailableCpus());
  if (options.recorder == nullptr) options.recorder = std::make_shared<EngineRecorder>();
  return options;
}

absl::Status LocalReranker::Impl::Admit(size_t documents) {
  const size_t limit = options_.engine.max_queued_documents;
  if (documents > limit) {
    return WithReason(
        InvalidField("documents", fmt::format("has {} entries, more than the {} that model {} "
                                              "takes at a time (max_queued_documents)",
                                              documents, limit, options_.model)),
        "TOO_MANY_DOCUMENTS");
  }
  size_t before = admitted_documents_.load(std::memory_order_relaxed);
  while (before + documents <= limit) {
    if (admitted_documents_.compare_exchange_weak(before, before + documents,
                                                  std::memory_order_relaxed)) {
      options_.recorder->QueueChanged(static_cast<int64_t>(documents));
      return absl::OkStatus();
    }
  }
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(batcher_.EstimatedWait());
  return WithReason(
      RetryLater(fmt::format("queue full ({} of {} documents), retry later", before, limit),
                 std::max(wait, std::chrono::milliseconds(1))),
      "QUEUE_FULL");
}

void LocalReranker::Impl::RecordIfAbandoned(const RerankRequest& request,
                                            const absl::Status& status, bool computed) const {
  if (absl::IsDeadlineExceeded(status)) {
    options_.recorder->CallAbandoned(computed, true);
  } else if (absl::IsCancelled(status) || request.cancelled.stop_requested()) {
    // Whoever cancels a call may do so because its time is over.
    options_.recorder->CallAbandoned(computed,
                                     request.deadline <= std::chrono::steady_clock::now());
  }
}

void LocalReranker::Impl::Finish(Call& call, absl::StatusOr<RerankResult> result, bool computed) {
  if (call.answered.exchange(true)) return;
  const size_t documents = call.request.documents.size();
  admitted_documents_.fetch_sub(documents, std::memory_order_relaxed);
  options_.recorder->QueueChanged(-static_cast<int64_t>(documents));
  RecordIfAbandoned(call.request, result.status(), computed);
  std::move(call.done)(std::move(result));
}

void LocalReranker::Impl::Rerank(RerankRequest request, Done done) {
  const TimePoint arrival = std::chrono::steady_clock::now();
  if (absl::Status gone = GoneStatus(request, arrival); !gone.ok()) {
    RecordIfAbandoned(request, gone, /*computed=*/false);
    std::move(done)(std::move(gone));
    return;
  }
  if (request.score_kind == ScoreKind::kProvider) {
    std::move(done)(
        WithReason(InvalidField("score_kind",
                                fmt::format("asks for a hosted provider's score, and this server "
                                            "computes model {} itself; ask for raw or sigmoid",
                                            options_.model)),
                   "UNSUPPORTED_OPTION"));
    return;
  }
  if (request.documents.empty()) {
    std::move(done)(
        RerankResult{.score_kind = request.score_kind.value_or(options_.default_score_kind)});
    return;
  }
  auto call = std::make_shared<Call>();
  call->arrival = arrival;
  if (absl::Status admitted = Admit(request.documents.size()); !admitted.ok()) {
    std::move(done)(std::move(admitted));
    return;
  }
  call->request = std::move(request);
  call->done = std::move(done);
  Try(*call, [&] { Start(call); });
}

template <typename Step>
bool LocalReranker::Impl::Try(Call& call, const Step& step) {
  absl::Status status = WithoutThrowing([&] {
    step();
    return absl::OkStatus();
  });
  if (status.ok()) return true;
  Finish(call, std::move(status));
  return false;
}

void LocalReranker::Impl::Start(const std::shared_ptr<Call>& call) {
  const std::vector<std::string>& documents = call->request.documents;
  call->sequences.resize(first_document() + documents.size());
  size_t bytes = 0;
  size_t total = options_.query_prompt.size() + call->request.query.size();
  call->chunks.push_back(0);
  for (size_t i = 0; i < documents.size(); ++i) {
    const size_t size = options_.document_prompt.size() + documents[i].size();
    total += size;
    bytes += size;
    if (bytes >= kChunkBytes || i + 1 == documents.size()) {
      call->chunks.push_back(i + 1);
      bytes = 0;
    }
  }
  if (total <= kInlineBytes) {
    EncodeQuery(*call);
    EncodeDocuments(*call, 0, documents.size());
    Submit(call);
    return;
  }
  tokenizing_.Post([self = shared_from_this(), call] {
    if (!self->Try(*call, [&] { self->EncodeQuery(*call); })) return;
    const size_t chunks = call->chunks.size() - 1;
    call->open_chunks.store(chunks, std::memory_order_relaxed);
    const size_t helpers = std::min(chunks, static_cast<size_t>(self->tokenizing_.threads()));
    for (size_t i = 1; i < helpers; ++i) {
      if (!self->Try(*call,
                     [&] { self->tokenizing_.Post([self, call] { self->WorkOn(call); }); })) {
        break;
      }
    }
    self->WorkOn(call);
  });
}

// One chunk, then to the back of the queue, so that a call with ten thousand documents does not
// keep the workers from the next one.
void LocalReranker::Impl::WorkOn(const std::shared_ptr<Call>& call) {
  const size_t chunks = call->chunks.size() - 1;
  const size_t chunk = call->next_chunk.fetch_add(1, std::memory_order_relaxed);
  if (chunk >= chunks) return;
  // Nobody waits for it any more: the chunks are only counted down, Submit() answers.
  if (!call->answered && GoneStatus(call->request, std::chrono::steady_clock::now()).ok()) {
    Try(*call, [&] { EncodeDocuments(*call, call->chunks[chunk], call->chunks[chunk + 1]); });
  }
  // acq_rel: the last one sees every other worker's sequences.
  if (call->open_chunks.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Try(*call, [&] { Submit(call); });
  } else if (chunk + 1 < chunks) {
    Try(*call,
        [&] { tokenizing_.Post([self = shared_from_this(), call] { self->WorkOn(call); }); });
  }
}

void LocalReranker::Impl::EncodeQuery(Call& call) const {
  const Truncation truncation = call.request.truncation.value_or(options_.default_truncation);
  std::string together;
  const std::string_view query = Prompted(options_.query_prompt, call.request.query, together);
  if (options_.reads_pairs) {
    call.query = encoder_.EncodeQuery(query, ToPairTruncation(truncation));
  } else {
    call.sequences[0] = encoder_.EncodeSingle(query);
    call.query.truncated = call.sequences[0].truncated;
  }
}

void LocalReranker::Impl::EncodeDocuments(Call& call, size_t begin, size_t end) const {
  std::string together;
  for (size_t i = begin; i < end; ++i) {
    const std::string_view document =
        Prompted(options_.document_prompt, call.request.documents[i], together);
    call.sequences[first_document() + i] = options_.reads_pairs
                                               ? encoder_.EncodePair(call.query, document)
                                               : encoder_.EncodeSingle(document);
  }
}

absl::Status LocalReranker::Impl::CheckFits(const Call& call) const {
  const auto too_long = [&](std::string_view field) {
    return WithReason(
        InvalidField(field, fmt::format("has more tokens than fit (the model reads {} in all), and "
                                        "the call asks to refuse rather than truncate",
                                        options_.max_tokens)),
        "TEXT_TOO_LONG");
  };
  if (call.query.truncated) return too_long("query");
  for (size_t i = first_document(); i < call.sequences.size(); ++i) {
    if (call.sequences[i].truncated) {
      return too_long(fmt::format("documents[{}]", i - first_document()));
    }
  }
  return absl::OkStatus();
}

void LocalReranker::Impl::Submit(const std::shared_ptr<Call>& call) {
  if (call->answered) return;
  const TimePoint now = std::chrono::steady_clock::now();
  if (call->request.trace != nullptr) {
    call->request.trace->Worked(CallTrace::Stage::kTokenize, call->arrival, now);
  }
  absl::Status status = GoneStatus(call->request, now);
  if (status.ok() &&
      call->request.truncation.value_or(options_.default_truncation) == Truncation::kRefuse) {
    status = CheckFits(*call);
  }
  if (!status.ok()) {
    Finish(*call, std::move(status));
    return;
  }
  TokenUsage usage;
  usage.query_tokens =
      options_.reads_pairs ? call->query.tokens.ids.size() : call->sequences[0].document_tokens;
  std::vector<bool> truncated;
  truncated.reserve(call->request.documents.size());
  for (size_t i = 0; i < call->sequences.size(); ++i) {
    const Encoding& sequence = call->sequences[i];
    usage.total_tokens += sequence.ids.size();
    if (i < first_document()) continue;
    usage.document_tokens += sequence.document_tokens;
    truncated.push_back(sequence.truncated);
  }
  Job::Spec spec{.sequences = std::move(call->sequences),
                 .arrival = now,
                 .deadline = call->request.deadline,
                 .cancelled = call->request.cancelled};
  auto job =
      std::make_shared<Job>(std::move(spec), scorer_->width(),
                            [self = shared_from_this(), call, tokenize = now - call->arrival, usage,
                             truncated = std::move(truncated)](
                                const Job& job, absl::StatusOr<Job::Output> output) mutable {
                              if (const auto& trace = call->request.trace; trace != nullptr) {
                                TraceJob(job, output, *trace);
                              }
                              if (!output.ok()) {
                                self->Finish(*call, std::move(output).status(), job.started());
                                return;
                              }
                              self->Finish(*call, WithoutThrowing([&] {
                                return self->Gather(*call, tokenize, usage, truncated, *output);
                              }),
                                           /*computed=*/true);
                            });
  batcher_.Submit(job);
}

absl::StatusOr<RerankResult> LocalReranker::Impl::Gather(const Call& call, Duration tokenize,
                                                         const TokenUsage& usage,
                                                         const std::vector<bool>& truncated,
                                                         const Job::Output& output) const {
  RerankResult result;
  result.score_kind = call.request.score_kind.value_or(options_.default_score_kind);
  result.usage = usage;
  result.timings = {.tokenize = tokenize, .queue = output.queue, .compute = output.compute};
  const size_t width = scorer_->width();
  const std::span<const float> rows(output.rows);
  std::vector<ScoredDocument> documents(call.request.documents.size());
  for (size_t i = 0; i < documents.size(); ++i) {
    const std::span<const float> row = rows.subspan((first_document() + i) * width, width);
    const float raw = options_.reads_pairs ? row[0] : Dot(rows.first(width), row);
    if (!std::isfinite(raw)) {
      return WithReason(absl::InternalError(fmt::format(
                            "model {} gave documents[{}] a score that is not a finite number",
                            options_.model, i)),
                        "SCORE_NOT_FINITE");
    }
    documents[i] = {
        .index = i, .score = Activate(raw, result.score_kind), .truncated = truncated[i]};
  }
  result.documents = TopK(std::move(documents), call.request.top_k);
  return result;
}

LocalReranker::LocalReranker(Options options, std::unique_ptr<Tokenizer> tokenizer,
                             std::unique_ptr<Scorer> scorer, WorkerPool& tokenizing)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(tokenizer), std::move(scorer),
                                   tokenizing)) {}

LocalReranker::~LocalReranker() { impl_->Close(); }

void LocalReranker::Rerank(RerankRequest request, Done done) {
  impl_->Rerank(std::move(request), std::move(done));
}

}  // namespace rerankd
