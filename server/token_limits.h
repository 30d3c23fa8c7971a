// How long the sequences and queries of a model may be.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "core/types.h"

namespace rerankd {

struct TokenLimits {
  // What the parts of a model say.
  struct Sources {
    size_t model_max_tokens = 0;  // of its positions, or of the folder's max_seq_length
    // The latter: sentence-transformers then asks the tokenizer for no other limit.
    bool model_states_max_tokens = false;
    size_t tokenizer_max_tokens = 0;  // model_max_length of tokenizer_config.json
    size_t special_tokens = 0;        // that frame a pair
    bool reads_pairs = true;
    Truncation truncation = Truncation::kOnlyDocument;
    size_t entry_max_tokens = 0;        // of the entry; 0: unset
    size_t entry_query_max_tokens = 0;  // likewise
  };

  size_t max_tokens = 0;        // of a sequence, special tokens included
  size_t query_max_tokens = 0;  // of a query under only_document, special tokens not included

  // Where the entry says nothing: as long as the model allows, but 512 for pairs of which only the
  // document is trimmed, and 256 for a query, or half of max_tokens; that is how FlagEmbedding's
  // rerankers are called, whose positions would allow much more. FAILED_PRECONDITION when the entry
  // asks for more than there is, or leaves no room for a document.
  static absl::StatusOr<TokenLimits> Make(const Sources& sources);
};

}  // namespace rerankd
