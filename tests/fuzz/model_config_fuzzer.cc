// Arbitrary JSON as each file of a model folder: refused in one line that names the file, or what
// is read is within its bounds. The first byte chooses the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "model/model_config.h"
#include "util/json.h"
#include "util/utf8.h"

namespace {

constexpr rerankd::ModelKind kKinds[] = {rerankd::ModelKind::kCrossEncoder,
                                         rerankd::ModelKind::kBiEncoder};
constexpr char kOrigin[] = "m/file.json";

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckRefusal(const absl::Status& status) {
  const std::string message(status.message());
  Require(message.starts_with("m/file.json: "));
  Require(message.size() < 1000 && message.find('\n') == std::string::npos);
}

void CheckConfig(const rerankd::ModelConfig& config) {
  Require(config.heads > 0 && config.hidden_size % config.heads == 0);
  Require(config.layers > 0 && config.vocab_size > 0 && config.intermediate_size > 0);
  Require(config.max_tokens > 0 && config.max_tokens <= config.max_positions);
  Require(config.embedding_size > 0 && config.type_vocab_size >= 0);
  Require(config.labels == 1 || config.labels == 2);
  if (config.padding_id) {
    // Positions of a longest sequence end inside the table.
    Require(*config.padding_id >= 0 && *config.padding_id < config.vocab_size);
    Require(*config.padding_id + config.max_tokens < config.max_positions);
  }
  Require(config.layer_norm_eps > 0 && config.layer_norm_eps < 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto json = rerankd::ParseJson(text, kOrigin);
  if (!json.ok()) return 0;
  // All but modules.json are objects: ReadJsonObject() lets nothing else through.
  if (data[0] % 5 == 0) {
    const auto cross_encoder =
        rerankd::ParseModules(*json, rerankd::ModelKind::kCrossEncoder, kOrigin);
    if (!cross_encoder.ok()) CheckRefusal(cross_encoder.status());
    const auto modules = rerankd::ParseModules(*json, rerankd::ModelKind::kBiEncoder, kOrigin);
    if (!modules.ok()) {
      CheckRefusal(modules.status());
      return 0;
    }
    const auto normal = std::filesystem::path(modules->pooling_folder).lexically_normal();
    Require(!normal.is_absolute() && *normal.begin() != "..");
    return 0;
  }
  if (!json->is_object()) return 0;
  switch (data[0] % 5) {
    case 1: {
      for (const auto kind : kKinds) {
        for (const auto& dialect : {rerankd::kBertDialect, rerankd::kRobertaDialect,
                                    rerankd::kElectraDialect, rerankd::kDistilBertDialect}) {
          const auto config = rerankd::ParseModelConfig(*json, kOrigin, kind, dialect);
          config.ok() ? CheckConfig(*config) : CheckRefusal(config.status());
        }
      }
      return 0;
    }
    case 2: {
      rerankd::ModelConfig config{.hidden_size = 384};
      const auto status = rerankd::ParsePooling(*json, kOrigin, config);
      if (!status.ok()) CheckRefusal(status);
      return 0;
    }
    case 3: {
      const auto length = rerankd::ParseMaxSequenceLength(*json, 512, kOrigin);
      length.ok() ? Require(*length >= 1 && *length <= 512) : CheckRefusal(length.status());
      return 0;
    }
    default: {
      for (const auto kind : kKinds) {
        rerankd::ModelConfig config;
        const auto status = rerankd::ParseSentenceTransformers(*json, kind, false, kOrigin, config);
        if (!status.ok()) CheckRefusal(status);
        // Prompts go in front of texts that are valid.
        Require(!rerankd::FindInvalidUtf8(config.query_prompt));
        Require(!rerankd::FindInvalidUtf8(config.document_prompt));
      }
      return 0;
    }
  }
}
