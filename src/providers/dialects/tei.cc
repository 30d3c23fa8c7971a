#include "providers/dialects/tei.h"

namespace rerankd {

Dialect TeiDialect() {
  return {
      .name = "tei",
      .path = "/rerank",
      .model_at = "",  // it serves one
      .documents_at = "/texts",
      .constants = {{"return_text", false}},
      .truncation = Dialect::Truncation{.at = "/truncate", .cut = true, .refuse = false},
      .raw_scores_at = "/raw_scores",
      .results_at = {""},
      .score = {"score"},
      .score_kind = ScoreKind::kSigmoid,
      .total_tokens_at = {},
      .tokens_header = "x-compute-tokens",
      .max_documents = 32,  // its default of --max-client-batch-size
  };
}

}  // namespace rerankd
