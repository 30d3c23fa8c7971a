// The domain of a rerank call, free of any wire format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "util/clock.h"
#include "util/secret.h"

namespace rerankd {

class CallTrace;

// What a score means.
enum class ScoreKind {
  kRaw,      // the model's own number: a logit of a cross-encoder, a cosine of a bi-encoder
  kSigmoid,  // 1 / (1 + exp(-raw)), in [0, 1]
  // A hosted provider's own score, as it came; what it is made of only the provider knows. Often in
  // [0, 1].
  kProvider,
};

// How a text that is too long for the model is cut.
enum class Truncation {
  kOnlyDocument,  // the query has its own cap; the document is trimmed to what is left
  kLongestFirst,  // tokens go from the longer of the two, as sentence-transformers does it
  kRefuse,        // INVALID_ARGUMENT when a pair does not fit
};

struct RerankRequest {
  std::string query;                     // not empty, valid UTF-8
  std::vector<std::string> documents;    // none empty, valid UTF-8
  size_t top_k = 0;                      // 0: all
  std::optional<ScoreKind> score_kind;   // unset: the model's default
  std::optional<Truncation> truncation;  // unset: the model entry's
  // The caller's own key of a hosted provider; empty: it brought none. Local models ignore it.
  Secret provider_key;
  TimePoint deadline = kNoDeadline;
  std::stop_token cancelled;         // stop is requested once the caller has gone away
  std::shared_ptr<CallTrace> trace;  // null: the call is not traced
};

struct ScoredDocument {
  size_t index = 0;  // position in RerankRequest::documents
  float score = 0;
  bool truncated = false;
};

// What a hosted provider does not tell is 0.
struct TokenUsage {
  uint64_t query_tokens = 0;     // of the query, once, without special tokens, after truncation
  uint64_t document_tokens = 0;  // of all documents, without special tokens, after truncation
  uint64_t total_tokens = 0;     // that the model read, special tokens and repeated query included
  double billed_units = 0;       // a hosted provider's units of billing other than tokens
};

// Wall time, in the order of a request's life. The three do not overlap.
struct Timings {
  Duration tokenize{};
  Duration queue{};    // from the end of tokenizing until the first batch began
  Duration compute{};  // from there until the last score was there
};

struct RerankResult {
  // Best first; equal scores in the order of the request, or in that of a hosted provider, which
  // may know more digits than it tells.
  std::vector<ScoredDocument> documents;
  ScoreKind score_kind = ScoreKind::kRaw;
  TokenUsage usage;
  Timings timings;
  std::string model;  // that scored, where another one stood in for the one asked; else empty
};

}  // namespace rerankd
