// The bytes of a SentencePiece model, field by field.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace rerankd {

inline std::string Varint(uint64_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
  return bytes + static_cast<char>(number);
}
inline std::string NumberField(uint64_t field, uint64_t number) {
  return Varint(field << 3) + Varint(number);
}
inline std::string BytesField(uint64_t field, std::string_view bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}
inline std::string FloatField(uint64_t field, float number) {
  std::string bytes = Varint(field << 3 | 5);
  const auto bits = std::bit_cast<uint32_t>(number);
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 0xFF);
  return bytes;
}
// One piece; the types are those of SentencePieceModel::PieceType.
inline std::string PieceField(std::string_view text, float score, uint64_t type = 1) {
  return BytesField(1, BytesField(1, text) + FloatField(2, score) + NumberField(3, type));
}

}  // namespace rerankd
