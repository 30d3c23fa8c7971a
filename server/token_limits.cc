#include "server/token_limits.h"

#include <fmt/format.h>

#include <algorithm>

namespace rerankd {

absl::StatusOr<TokenLimits> TokenLimits::Make(const Sources& sources) {
  constexpr size_t kDefaultPairTokens = 512;
  constexpr size_t kDefaultQueryTokens = 256;
  const bool tokenizer_counts =
      !sources.model_states_max_tokens && sources.tokenizer_max_tokens < sources.model_max_tokens;
  const size_t allowed = tokenizer_counts ? sources.tokenizer_max_tokens : sources.model_max_tokens;
  const bool trims_documents =
      sources.reads_pairs && sources.truncation == Truncation::kOnlyDocument;

  TokenLimits limits;
  limits.max_tokens = sources.entry_max_tokens;
  if (limits.max_tokens == 0) {
    limits.max_tokens = trims_documents && !sources.model_states_max_tokens
                            ? std::min(kDefaultPairTokens, allowed)
                            : allowed;
  }
  if (limits.max_tokens > allowed) {
    return absl::FailedPreconditionError(fmt::format(
        "max_tokens is {}, but {} allows {} at most", limits.max_tokens,
        tokenizer_counts                  ? "\"model_max_length\" of tokenizer_config.json"
        : sources.model_states_max_tokens ? "\"max_seq_length\" of sentence_bert_config.json"
                                          : "the number of positions in config.json",
        allowed));
  }
  limits.query_max_tokens = sources.entry_query_max_tokens != 0
                                ? sources.entry_query_max_tokens
                                : std::min(kDefaultQueryTokens, limits.max_tokens / 2);
  if (limits.query_max_tokens == 0 ||
      limits.query_max_tokens + sources.special_tokens >= limits.max_tokens) {
    return absl::FailedPreconditionError(fmt::format(
        "max_tokens {} leaves no room for a document beside {} tokens of the query and {} special "
        "tokens; raise max_tokens or lower query_max_tokens",
        limits.max_tokens, limits.query_max_tokens, sources.special_tokens));
  }
  return limits;
}

}  // namespace rerankd
