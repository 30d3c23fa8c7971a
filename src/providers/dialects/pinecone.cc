#include "providers/dialects/pinecone.h"

namespace rerankd {

Dialect PineconeDialect() {
  return {
      .name = "pinecone",
      .base_url = "https://api.pinecone.io",
      .path = "/rerank",
      .headers = {{"X-Pinecone-Api-Version", "2026-07"}},
      .key_header = "Api-Key",
      .key_prefix = "",
      .key_variables = {{.name = "PINECONE_API_KEY"}},
      .example_model = "bge-reranker-v2-m3",
      .wraps_documents = true,
      .top_at = "/top_n",
      .constants = {{"return_documents", false}, {"rank_fields", {"text"}}},
      // It cuts unless told otherwise, and not all of its models take the word for it.
      .truncation = Dialect::Truncation{.at = "/parameters/truncate", .refuse = "NONE"},
      .results_at = {"/data"},
      .score = {"score"},
      .total_tokens_at = {},
      .billed_units_at = {"/usage/rerank_units"},
      .max_documents = 100,
  };
}

}  // namespace rerankd
