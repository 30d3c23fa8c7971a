#include "providers/dialects/compatible.h"

namespace rerankd {

Dialect CompatibleDialect() {
  return {
      .name = "compatible",
      .path = "/rerank",
      .top_at = "/top_n",
      .constants = {{"return_documents", false}},
      .max_tokens_per_doc_at = "/max_tokens_per_doc",
      .priority_at = "/priority",
      .instruction_at = "/instruction",
      .results_at = {"/results", "/data"},
      .score = {"relevance_score", "score"},
      .total_tokens_at = {"/usage/total_tokens", "/tokens/input_tokens",
                          "/meta/billed_units/input_tokens", "/meta/tokens/input_tokens"},
      .billed_units_at = {"/meta/billed_units/search_units", "/usage/search_units"},
  };
}

}  // namespace rerankd
