#include "providers/dialects/cohere.h"

namespace rerankd {

Dialect CohereDialect() {
  return {
      .name = "cohere",
      .base_url = "https://api.cohere.com",
      .base_url_variables = {"CO_API_URL"},
      .path = "/v2/rerank",
      .key_variables = {{.name = "CO_API_KEY"}, {.name = "COHERE_API_KEY"}},
      .example_model = "rerank-v3.5",
      .top_at = "/top_n",
      .max_tokens_per_doc_at = "/max_tokens_per_doc",
      .priority_at = "/priority",
      // Models from v5 on are billed by tokens, earlier ones by search units.
      .total_tokens_at = {"/meta/billed_units/input_tokens", "/meta/tokens/input_tokens"},
      .billed_units_at = {"/meta/billed_units/search_units"},
      .max_documents = 10'000,
  };
}

}  // namespace rerankd
