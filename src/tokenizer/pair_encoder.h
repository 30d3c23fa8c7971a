// Query and document to one sequence, cut to the model's length.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "tokenizer/encoding.h"
#include "tokenizer/tokenizer.h"

namespace rerankd {

// Which part gives way when a pair is too long. The same three as core's Truncation; the tokenizer
// layer does not know core.
enum class PairTruncation { kOnlyDocument, kLongestFirst, kRefuse };

// Immutable, safe for concurrent use.
class PairEncoder {
 public:
  struct Options {
    size_t max_tokens = 512;        // of the whole sequence, special tokens included
    size_t query_max_tokens = 256;  // of the query under kOnlyDocument, without special tokens
  };

  // The query of a request, tokenized once and used for every document.
  struct Query {
    TokenizedText tokens;  // under kLongestFirst all of them: the document decides what is cut
    PairTruncation truncation = PairTruncation::kOnlyDocument;
    bool truncated = false;  // cut, or under kRefuse too long (never under kLongestFirst)
  };

  // REQUIRES: `tokenizer` outlives the encoder; max_tokens > the frame's special tokens + 1.
  PairEncoder(const Tokenizer& tokenizer, Options options);

  Query EncodeQuery(std::string_view query, PairTruncation truncation) const;

  // [CLS] query [SEP] document [SEP]. `truncated` says that the document lost tokens; under
  // kRefuse the sequence is then not meant to be scored. The document is tokenized no further than
  // needed: to its share, or under kLongestFirst to the length of the query.
  Encoding EncodePair(const Query& query, std::string_view document) const;

  // [CLS] text [SEP], for models that read query and document apart.
  Encoding EncodeSingle(std::string_view text) const;

  const Options& options() const { return options_; }
  size_t pair_special_tokens() const;
  size_t single_special_tokens() const;

 private:
  // How many tokens of each the sequence keeps.
  struct Kept {
    size_t query;
    size_t document;
  };
  Kept LongestFirst(size_t query_tokens, std::string_view document, TokenizedText& tokens) const;

  const Tokenizer& tokenizer_;
  Options options_;
};

}  // namespace rerankd
