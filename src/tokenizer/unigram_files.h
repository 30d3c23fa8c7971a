// The files of a Unigram tokenizer, as untrusted input, to UnigramTokenizer::Options. What is not
// supported is refused by name, never approximated: FAILED_PRECONDITION with `origin` and the
// field.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "tokenizer/tokenizer_json_reader.h"
#include "tokenizer/unigram_tokenizer.h"

namespace rerankd {

// From a tokenizer.json whose model is Unigram. `model_max_length` is left unset.
absl::StatusOr<UnigramTokenizer::Options> ParseUnigramTokenizerJson(TokenizerJson file,
                                                                    std::string_view origin);

}  // namespace rerankd
