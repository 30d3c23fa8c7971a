// The Reranker over a model in this process: tokenizes, batches, scores, gathers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/reranker.h"
#include "engine/engine_options.h"
#include "engine/engine_recorder.h"
#include "engine/scorer.h"
#include "engine/worker_pool.h"
#include "tokenizer/tokenizer.h"

namespace rerankd {

class LocalReranker : public Reranker {
 public:
  struct Options {
    std::string model;  // named in error messages
    // True: query and document are read together (cross-encoder) and the scorer yields a logit.
    // False: each is read alone (bi-encoder) and the score is the cosine of their embeddings.
    bool reads_pairs = true;
    size_t max_tokens = 512;
    size_t query_max_tokens = 256;
    // What comes before each query and each document, as if the caller had written it; valid UTF-8.
    std::string query_prompt;
    std::string document_prompt;
    ScoreKind default_score_kind = ScoreKind::kRaw;
    Truncation default_truncation = Truncation::kOnlyDocument;
    EngineOptions engine;
    std::shared_ptr<EngineRecorder> recorder;  // null: nobody counts
  };

  // Starts the sessions. `tokenizing` must outlive the reranker and may be shared with others.
  LocalReranker(Options options, std::unique_ptr<Tokenizer> tokenizer,
                std::unique_ptr<Scorer> scorer, WorkerPool& tokenizing);
  // Answers what is still queued with UNAVAILABLE, lets running batches finish, joins.
  ~LocalReranker() override;

  void Rerank(RerankRequest request, Done done) override;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rerankd
