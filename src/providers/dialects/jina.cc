#include "providers/dialects/jina.h"

namespace rerankd {

Dialect JinaDialect() {
  return {
      .name = "jina",
      .base_url = "https://api.jina.ai",
      .path = "/v1/rerank",
      .key_variables = {{.name = "JINA_API_KEY"},
                        {.name = "JINAAI_API_KEY"},
                        {.name = "JINA_AI_API_KEY"}},
      .example_model = "jina-reranker-v2-base-multilingual",
      .top_at = "/top_n",
      // What it does unasked has changed before.
      .constants = {{"return_documents", false}},
      .truncation = Dialect::Truncation{.at = "/truncate", .cut = true, .refuse = false},
      .max_tokens_per_doc_at = "/max_doc_length",
  };
}

}  // namespace rerankd
