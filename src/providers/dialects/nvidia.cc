#include "providers/dialects/nvidia.h"

#include <algorithm>

#include "http/url.h"

namespace rerankd {
namespace {

// "nvidia/llama-3.2-nv-rerankqa-1b-v2" is ".../nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking".
std::string ModelInPath(std::string_view model) {
  std::string path = EscapeForUrl(model, /*keep_slashes=*/true);
  std::ranges::replace(path, '.', '_');
  return path;
}

}  // namespace

Dialect NvidiaDialect() {
  return {
      .name = "nvidia",
      .base_url = "https://ai.api.nvidia.com",
      .path = "/v1/ranking",
      .own_path = "/v1/retrieval/{model}/reranking",
      .model_in_path = &ModelInPath,
      .key_variables = {{.name = "NVIDIA_API_KEY"}, {.name = "NVIDIA_NIM_API_KEY"}},
      .example_model = "nvidia/llama-3.2-nv-rerankqa-1b-v2",
      .documents_at = "/passages",
      .wraps_query = true,
      .wraps_documents = true,
      .truncation = Dialect::Truncation{.at = "/truncate", .cut = "END", .refuse = "NONE"},
      .results_at = {"/rankings"},
      .score = {"logit"},
      .score_kind = ScoreKind::kRaw,
      .max_documents = 512,
  };
}

}  // namespace rerankd
