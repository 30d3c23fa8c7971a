#include "providers/dialects/mixedbread.h"

namespace rerankd {

Dialect MixedbreadDialect() {
  return {
      .name = "mixedbread",
      .base_url = "https://api.mixedbread.com",
      .base_url_variables = {"MIXEDBREAD_BASE_URL"},
      .path = "/v1/reranking",
      .key_variables = {{.name = "MXBAI_API_KEY"}},
      .example_model = "mixedbread-ai/mxbai-rerank-large-v2",
      .documents_at = "/input",
      .top_at = "/top_k",
      .constants = {{"return_input", false}},
      .results_at = {"/data"},
      .score = {"score"},
  };
}

}  // namespace rerankd
