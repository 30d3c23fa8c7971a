#include "tokenizer/pair_encoder.h"

#include <algorithm>
#include <span>

namespace rerankd {
namespace {

size_t Minus(size_t a, size_t b) { return a > b ? a - b : 0; }

void AppendPart(std::span<const int32_t> ids, int32_t type_id, Encoding& encoding) {
  encoding.ids.insert(encoding.ids.end(), ids.begin(), ids.end());
  encoding.type_ids.insert(encoding.type_ids.end(), ids.size(), type_id);
}

std::span<const int32_t> First(const std::vector<int32_t>& ids, size_t count) {
  return std::span(ids).first(std::min(count, ids.size()));
}

}  // namespace

PairEncoder::PairEncoder(const Tokenizer& tokenizer, Options options)
    : tokenizer_(tokenizer), options_(options) {}

size_t PairEncoder::pair_special_tokens() const {
  const Tokenizer::Frame& frame = tokenizer_.frame();
  return frame.prefix.size() + frame.separator.size() + frame.suffix.size();
}

size_t PairEncoder::single_special_tokens() const {
  return tokenizer_.frame().prefix.size() + tokenizer_.frame().single_suffix.size();
}

PairEncoder::Query PairEncoder::EncodeQuery(std::string_view query,
                                            PairTruncation truncation) const {
  Query result;
  result.truncation = truncation;
  if (truncation == PairTruncation::kLongestFirst) {
    result.tokens = tokenizer_.Tokenize(query);
    return result;
  }
  // One token at least is left for the document.
  size_t cap = Minus(options_.max_tokens, pair_special_tokens() + 1);
  if (truncation == PairTruncation::kOnlyDocument) cap = std::min(cap, options_.query_max_tokens);
  result.tokens = tokenizer_.Tokenize(query, cap);
  result.truncated = !result.tokens.complete;
  return result;
}

Encoding PairEncoder::EncodePair(const Query& query, std::string_view document) const {
  const Tokenizer::Frame& frame = tokenizer_.frame();
  const std::vector<int32_t>& query_ids = query.tokens.ids;
  TokenizedText tokens;
  Kept kept{query_ids.size(), 0};
  if (query.truncation == PairTruncation::kLongestFirst) {
    kept = LongestFirst(query_ids.size(), document, tokens);
  } else {
    kept.document = Minus(options_.max_tokens, pair_special_tokens() + query_ids.size());
    tokens = tokenizer_.Tokenize(document, kept.document);
  }
  Encoding encoding;
  const size_t length =
      pair_special_tokens() + kept.query + std::min(kept.document, tokens.ids.size());
  encoding.ids.reserve(length);
  encoding.type_ids.reserve(length);
  AppendPart(frame.prefix, 0, encoding);
  AppendPart(First(query_ids, kept.query), 0, encoding);
  AppendPart(frame.separator, 0, encoding);
  AppendPart(First(tokens.ids, kept.document), frame.document_type_id, encoding);
  encoding.document_tokens = std::min(kept.document, tokens.ids.size());
  AppendPart(frame.suffix, frame.document_type_id, encoding);
  encoding.truncated = !tokens.complete || tokens.ids.size() > kept.document;
  return encoding;
}

// What is left of both once the longer one has given tokens until both fit: the shorter one stays
// whole if it fits in half; else each gets half, and of an odd number the longer one, or the
// document when they are equally long, gets the one more. (Hugging Face's truncate_encodings.)
PairEncoder::Kept PairEncoder::LongestFirst(size_t query_tokens, std::string_view document,
                                            TokenizedText& tokens) const {
  const size_t room = Minus(options_.max_tokens, pair_special_tokens());
  const size_t half = room / 2;
  const size_t larger_half = room - half;
  if (query_tokens <= half) {
    const size_t share = room - query_tokens;
    tokens = tokenizer_.Tokenize(document, share);
    return {query_tokens, share};
  }
  // Here the query is longer than half, so the document's length matters up to half; and when the
  // halves differ, up to the query's length, which says who is the longer one.
  tokens = tokenizer_.Tokenize(document, half == larger_half ? half : query_tokens);
  const size_t document_tokens = tokens.ids.size();
  if (tokens.complete && query_tokens + document_tokens <= room) {
    return {query_tokens, document_tokens};
  }
  if (tokens.complete && document_tokens <= half) return {room - document_tokens, document_tokens};
  const bool query_is_longer = tokens.complete && document_tokens < query_tokens;
  return query_is_longer ? Kept{larger_half, half} : Kept{half, larger_half};
}

Encoding PairEncoder::EncodeSingle(std::string_view text) const {
  const Tokenizer::Frame& frame = tokenizer_.frame();
  const TokenizedText tokens =
      tokenizer_.Tokenize(text, Minus(options_.max_tokens, single_special_tokens()));
  Encoding encoding;
  AppendPart(frame.prefix, 0, encoding);
  AppendPart(tokens.ids, 0, encoding);
  encoding.document_tokens = tokens.ids.size();
  AppendPart(frame.single_suffix, 0, encoding);
  encoding.truncated = !tokens.complete;
  return encoding;
}

}  // namespace rerankd
