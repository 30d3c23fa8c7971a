#include "providers/dialects/voyage.h"

namespace rerankd {

Dialect VoyageDialect() {
  return {
      .name = "voyage",
      .base_url = "https://api.voyageai.com",
      // Keys that MongoDB Atlas gave out.
      .key_hosts = {{.prefix = "al-", .base_url = "https://ai.mongodb.com"}},
      .path = "/v1/rerank",
      .key_variables = {{.name = "VOYAGE_API_KEY_PATH", .names_file = true},
                        {.name = "VOYAGE_API_KEY"},
                        {.name = "VOYAGE_AI_API_KEY"}},
      .example_model = "rerank-2.5",
      .top_at = "/top_k",
      .constants = {{"return_documents", false}},
      .truncation = Dialect::Truncation{.at = "/truncation", .cut = true, .refuse = false},
      .results_at = {"/data"},
      .max_documents = 1000,
  };
}

}  // namespace rerankd
