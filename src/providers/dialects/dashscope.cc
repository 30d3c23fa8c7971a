#include "providers/dialects/dashscope.h"

namespace rerankd {

Dialect DashScopeDialect() {
  return {
      .name = "dashscope",
      .base_url = "https://dashscope.aliyuncs.com",
      .base_url_variables = {"DASHSCOPE_HTTP_BASE_URL"},
      .path = "/api/v1/services/rerank/text-rerank/text-rerank",
      .key_variables = {{.name = "DASHSCOPE_API_KEY"},
                        {.name = "DASHSCOPE_API_KEY_FILE_PATH", .names_file = true}},
      .example_model = "qwen3-rerank",
      .query_at = "/input/query",
      .documents_at = "/input/documents",
      .top_at = "/parameters/top_n",
      .constants = {{"parameters", {{"return_documents", false}}}},
      .instruction_at = "/parameters/instruct",
      .results_at = {"/output/results"},
      .max_documents = 500,
  };
}

}  // namespace rerankd
