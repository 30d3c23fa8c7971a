#include "tokenizer/tokenizer_json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "tokenizer/json_fields.h"
#include "util/json.h"

namespace rerankd {
namespace {

using nlohmann::json;

// Builds the JSON value from the parser's events, but keeps the pieces apart.
class Handler final : public nlohmann::json_sax<json> {
 public:
  Handler(TokenizerJson& result, std::string_view origin) : result_(result), origin_(origin) {}

  absl::Status status() const { return status_; }

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(int64_t value) override {
    return AddNumber(value, static_cast<double>(value));
  }
  bool number_unsigned(uint64_t value) override {
    return AddNumber(value, static_cast<double>(value));
  }
  bool number_float(double value, const std::string& digits) override {
    return AddNumber(value, pieces_depth_ == 0 ? value : SerdeJsonNumber(digits));
  }
  bool string(std::string& value) override {
    if (pieces_depth_ == 0) return Add(std::move(value));
    if (pieces_depth_ == 2 && fields_++ == 0) {
      piece_.text = std::move(value);
    } else {
      MarkMalformed();
    }
    return true;
  }
  bool binary(json::binary_t& /*value*/) override { return false; }  // not in JSON

  bool start_object(size_t /*size*/) override {
    if (pieces_depth_ == 0) return Open(json::object());
    MarkMalformed();
    return Deeper();
  }
  bool key(std::string& value) override {
    if (pieces_depth_ == 0) key_ = std::move(value);
    return true;
  }
  bool end_object() override { return pieces_depth_ == 0 ? Close() : Shallower(); }

  bool start_array(size_t /*size*/) override {
    if (pieces_depth_ > 0) {
      if (pieces_depth_ > 1) MarkMalformed();
      fields_ = 0;
      return Deeper();
    }
    const bool vocabulary = open_.size() == 2 && open_.back() == model_ && key_ == "vocab";
    if (!vocabulary) return Open(json::array());
    // Of two the last counts, as for any other key.
    result_.pieces.clear();
    result_.pieces_status = absl::OkStatus();
    Place(json::array());
    pieces_depth_ = 1;
    return true;
  }
  bool end_array() override {
    if (pieces_depth_ == 0) return Close();
    if (pieces_depth_ == 2) {
      if (fields_ != 2) MarkMalformed();
      result_.pieces.push_back(std::move(piece_));
    }
    return Shallower();
  }

  bool parse_error(size_t position, const std::string& /*token*/,
                   const json::exception& /*error*/) override {
    status_ = Refused(origin_, fmt::format("not valid JSON at byte {}", position));
    return false;
  }

 private:
  // Puts a value where the parser is; returns true to go on.
  template <typename Value>
  bool Add(Value&& value) {
    if (pieces_depth_ > 0) {
      MarkMalformed();
    } else {
      Place(json(std::forward<Value>(value)));
    }
    return true;
  }

  bool AddNumber(const json& value, double score) {
    if (pieces_depth_ == 0) return Add(value);
    if (pieces_depth_ == 2 && fields_++ == 1) {
      piece_.score = score;
    } else {
      MarkMalformed();
    }
    return true;
  }

  json* Place(json value) {
    if (open_.empty()) {
      result_.root = std::move(value);
      return &result_.root;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    json& member = parent[key_];
    member = std::move(value);
    return &member;
  }

  bool Open(json value) {
    json* const placed = Place(std::move(value));
    if (open_.size() == 1 && open_.front() == &result_.root && key_ == "model") model_ = placed;
    open_.push_back(placed);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  bool Deeper() {
    ++pieces_depth_;
    return true;
  }
  bool Shallower() {
    --pieces_depth_;
    return true;
  }

  void MarkMalformed() {
    if (!result_.pieces_status.ok()) return;
    result_.pieces_status =
        Refused(origin_, fmt::format("model: vocab[{}] must be a list of a piece and its score",
                                     result_.pieces.size()));
  }

  TokenizerJson& result_;
  std::string_view origin_;
  absl::Status status_;
  std::vector<json*> open_;  // the objects and lists that the parser is in
  json* model_ = nullptr;
  std::string key_;
  size_t pieces_depth_ = 0;  // 1: in the list of pieces, 2: in a piece
  size_t fields_ = 0;        // of the piece so far
  UnigramPiece piece_;
};

// 1e0 to 1e308, each the nearest double.
const std::array<double, 309>& PowersOfTen() {
  static const std::array<double, 309> powers = [] {
    std::array<double, 309> result{};
    for (size_t i = 0; i < result.size(); ++i) result[i] = std::stod(fmt::format("1e{}", i));
    return result;
  }();
  return powers;
}

}  // namespace

absl::StatusOr<TokenizerJson> ReadTokenizerJson(std::string_view text, std::string_view origin) {
  if (IsNestedDeeper(text, kMaxJsonDepth)) {
    return Refused(origin,
                   fmt::format("lists and objects are nested more than {} deep", kMaxJsonDepth));
  }
  TokenizerJson result;
  Handler handler(result, origin);
  try {
    if (!json::sax_parse(text, &handler)) return handler.status();
  } catch (const json::exception& error) {
    return Refused(origin, std::string(error.what()));
  }
  if (!result.root.is_object()) return Refused(origin, "the top level must be a JSON object");
  return result;
}

double SerdeJsonNumber(std::string_view digits) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  uint64_t significand = 0;
  int64_t exponent = 0;
  bool in_fraction = false;
  bool full = false;  // the digits after do not fit any more
  size_t i = 0;
  for (; i < digits.size(); ++i) {
    const char c = digits[i];
    if (c == '.') {
      in_fraction = true;
      full = false;  // it tries again
      continue;
    }
    if (c < '0' || c > '9') break;
    const auto digit = static_cast<uint64_t>(c - '0');
    full = full || significand > (kMax - digit) / 10;
    if (full) {
      exponent += in_fraction ? 0 : 1;
      continue;
    }
    significand = significand * 10 + digit;
    exponent -= in_fraction ? 1 : 0;
  }
  if (i < digits.size()) {  // "e", a sign perhaps, digits
    ++i;
    const bool down = i < digits.size() && digits[i] == '-';
    if (i < digits.size() && (digits[i] == '-' || digits[i] == '+')) ++i;
    int64_t stated = 0;
    for (; i < digits.size(); ++i)
      stated = std::min<int64_t>(stated * 10 + (digits[i] - '0'), 99999);
    exponent += down ? -stated : stated;
  }
  auto value = static_cast<double>(significand);
  for (; exponent < -308 && value != 0; exponent += 308) value /= 1e308;
  if (exponent > 308 && value != 0) value = std::numeric_limits<double>::infinity();
  const double power = PowersOfTen()[std::min<int64_t>(std::abs(exponent), 308)];
  value = exponent >= 0 ? value * power : value / power;
  return negative ? -value : value;
}

}  // namespace rerankd
