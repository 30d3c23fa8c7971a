#include "providers/dialects/deepinfra.h"

namespace rerankd {

Dialect DeepInfraDialect() {
  return {
      .name = "deepinfra",
      .base_url = "https://api.deepinfra.com",
      .path = "/v1/inference/{model}",
      .key_variables = {{.name = "DEEPINFRA_API_KEY"}, {.name = "DEEPINFRA_TOKEN"}},
      .model_at = "",  // the path has it
      .example_model = "Qwen/Qwen3-Reranker-0.6B",
      .query_at = "/queries",
      .repeats_query = true,
      .instruction_at = "/instruction",
      .results_at = {"/scores"},
      .index = "",
      .total_tokens_at = {"/input_tokens", "/inference_status/tokens_input"},
  };
}

}  // namespace rerankd
