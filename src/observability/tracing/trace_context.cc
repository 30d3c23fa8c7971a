#include "observability/tracing/trace_context.h"

#include <algorithm>
#include <vector>

namespace rerankd {
namespace {

// version "-" trace id "-" span id "-" flags
constexpr size_t kLength = 2 + 1 + 32 + 1 + 16 + 1 + 2;
constexpr uint8_t kSampled = 1;

// Upper case is malformed.
std::optional<uint8_t> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

// REQUIRES: `text` has two characters for each byte of `out`.
bool ReadHex(std::string_view text, std::span<uint8_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const auto high = HexDigit(text[2 * i]);
    const auto low = HexDigit(text[2 * i + 1]);
    if (!high.has_value() || !low.has_value()) return false;
    out[i] = static_cast<uint8_t>(*high << 4U | *low);
  }
  return true;
}

bool IsZero(std::span<const uint8_t> id) {
  return std::ranges::all_of(id, [](uint8_t byte) { return byte == 0; });
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool IsKey(std::string_view key) {
  const auto is_lower_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  return !key.empty() && key.size() <= 256 && is_lower_or_digit(key.front()) &&
         std::ranges::count(key, '@') <= 1 && std::ranges::all_of(key, [&](char c) {
           return is_lower_or_digit(c) ||
                  std::string_view("_-*/@").find(c) != std::string_view::npos;
         });
}

bool IsValue(std::string_view value) {
  return !value.empty() && value.size() <= 256 && std::ranges::all_of(value, [](char c) {
    return c >= 0x20 && c <= 0x7e && c != '=';  // a comma is where it ends
  });
}

}  // namespace

std::string ToHex(std::span<const uint8_t> id) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * id.size());
  for (const uint8_t byte : id) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::optional<TraceContext> ParseTraceparent(std::string_view text) {
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return std::nullopt;
  }
  std::array<uint8_t, 1> version{};
  std::array<uint8_t, 1> flags{};
  TraceContext context;
  if (!ReadHex(text.substr(0, 2), version) || !ReadHex(text.substr(3, 32), context.trace_id) ||
      !ReadHex(text.substr(36, 16), context.span_id) || !ReadHex(text.substr(53, 2), flags)) {
    return std::nullopt;
  }
  if (version[0] == 0xff || IsZero(context.trace_id) || IsZero(context.span_id)) {
    return std::nullopt;
  }
  // A later version may add to it, after another hyphen.
  if (text.size() > kLength && (version[0] == 0 || text[kLength] != '-')) return std::nullopt;
  context.sampled = (flags[0] & kSampled) != 0;
  return context;
}

bool IsTracestate(std::string_view text) {
  constexpr size_t kMostCharacters = 512;
  constexpr size_t kMostMembers = 32;
  if (text.size() > kMostCharacters) return false;
  std::vector<std::string_view> keys;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view member = Trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    if (member.empty()) continue;
    const size_t equals = member.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = member.substr(0, equals);
    if (!IsKey(key) || !IsValue(member.substr(equals + 1)) || keys.size() == kMostMembers ||
        std::ranges::find(keys, key) != keys.end()) {
      return false;
    }
    keys.push_back(key);
  }
  return !keys.empty();
}

}  // namespace rerankd
