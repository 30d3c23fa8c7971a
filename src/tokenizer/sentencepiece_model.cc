#include "tokenizer/sentencepiece_model.h"

#include <fmt/format.h>

#include <bit>
#include <optional>

#include "tokenizer/json_fields.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// The fields of a protobuf message, one after the other.
class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}

  // Moves to the next field; false at the end, and where the message is malformed.
  bool Next() {
    if (rest_.empty()) return false;
    const uint64_t key = Varint();
    number_ = key >> 3;
    wire_type_ = key & 7;
    bytes_ = {};
    switch (wire_type_) {
      case kVarint:
        value_ = Varint();
        break;
      case kFixed64:
        bytes_ = Take(8);
        break;
      case kBytes:
        bytes_ = Take(Varint());
        break;
      case kFixed32:
        bytes_ = Take(4);
        break;
      default:
        ok_ = false;
    }
    ok_ = ok_ && number_ != 0;
    return ok_;
  }

  bool ok() const { return ok_; }
  uint64_t number() const { return number_; }

  // The field's value. One of another kind than it should be makes the message malformed.
  uint64_t AsNumber() { return Expect(kVarint) ? value_ : 0; }
  std::string_view AsBytes() { return Expect(kBytes) ? bytes_ : std::string_view(); }
  float AsFloat() {
    if (!Expect(kFixed32)) return 0;
    uint32_t bits = 0;
    for (int i = 3; i >= 0; --i) bits = bits << 8 | static_cast<uint8_t>(bytes_[i]);
    return std::bit_cast<float>(bits);
  }

 private:
  static constexpr uint64_t kVarint = 0;
  static constexpr uint64_t kFixed64 = 1;
  static constexpr uint64_t kBytes = 2;
  static constexpr uint64_t kFixed32 = 5;

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }

  std::string_view Take(uint64_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  bool Expect(uint64_t wire_type) {
    ok_ = ok_ && wire_type_ == wire_type;
    return ok_;
  }

  std::string_view rest_;
  bool ok_ = true;
  uint64_t number_ = 0;
  uint64_t wire_type_ = 0;
  uint64_t value_ = 0;
  std::string_view bytes_;
};

bool ParsePiece(std::string_view message, SentencePieceModel& model) {
  UnigramPiece piece;
  uint64_t type = 1;
  Fields fields(message);
  while (fields.Next()) {
    if (fields.number() == 1) piece.text = fields.AsBytes();
    if (fields.number() == 2) piece.score = fields.AsFloat();
    if (fields.number() == 3) type = fields.AsNumber();
  }
  if (!fields.ok() || type < 1 || type > 6) return false;
  model.pieces.push_back(std::move(piece));
  model.types.push_back(static_cast<SentencePieceModel::PieceType>(type));
  return true;
}

// The model_type of a trainer_spec, 0 when that is malformed.
uint64_t ModelType(std::string_view message) {
  uint64_t type = 1;
  Fields fields(message);
  while (fields.Next()) {
    if (fields.number() == 3) type = fields.AsNumber();
  }
  return fields.ok() ? type : 0;
}

std::optional<std::string> Charsmap(std::string_view message) {
  std::string charsmap;
  Fields fields(message);
  while (fields.Next()) {
    if (fields.number() == 2) charsmap = fields.AsBytes();
  }
  return fields.ok() ? std::optional(charsmap) : std::nullopt;
}

std::string_view NameOfModelType(uint64_t type) {
  switch (type) {
    case 2:
      return "BPE";
    case 3:
      return "WORD";
    case 4:
      return "CHAR";
    default:
      return "unknown";
  }
}

}  // namespace

absl::StatusOr<SentencePieceModel> ParseSentencePieceModel(std::string_view bytes,
                                                           std::string_view origin) {
  SentencePieceModel model;
  uint64_t type = 1;
  bool well_formed = true;
  Fields fields(bytes);
  while (well_formed && fields.Next()) {
    if (fields.number() == 1) {
      well_formed = ParsePiece(fields.AsBytes(), model);
    } else if (fields.number() == 2) {
      type = ModelType(fields.AsBytes());
      well_formed = type != 0;
    } else if (fields.number() == 3) {
      std::optional<std::string> charsmap = Charsmap(fields.AsBytes());
      well_formed = charsmap.has_value();
      if (well_formed) model.charsmap = *std::move(charsmap);
    }
  }
  if (!well_formed || !fields.ok() || model.pieces.empty()) {
    return Refused(origin, "not a SentencePiece model");
  }
  if (type != 1) {
    return Refused(origin, fmt::format("the model type {} is not supported (UNIGRAM is)",
                                       NameOfModelType(type)));
  }
  return model;
}

}  // namespace rerankd
