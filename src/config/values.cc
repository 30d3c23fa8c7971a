#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace rerankd {
namespace {

using std::chrono::microseconds;

struct Unit {
  std::string_view name;
  uint64_t factor;
};
constexpr Unit kSizeUnits[] = {
    {"GiB", uint64_t{1} << 30}, {"MiB", uint64_t{1} << 20}, {"KiB", uint64_t{1} << 10}, {"", 1}};
constexpr Unit kTimeUnits[] = {
    {"h", 3'600'000'000}, {"m", 60'000'000}, {"s", 1'000'000}, {"ms", 1'000}, {"us", 1}};

std::optional<uint64_t> ParseWhole(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "<whole number><unit>"; nullopt when it is anything else or does not fit.
std::optional<uint64_t> ParseWithUnit(std::string_view text, std::span<const Unit> units) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<uint64_t> number = ParseWhole(text.substr(0, digits));
  const auto unit = std::ranges::find(units, text.substr(digits), &Unit::name);
  if (!number || unit == units.end() ||
      *number > std::numeric_limits<int64_t>::max() / unit->factor) {
    return std::nullopt;
  }
  return *number * unit->factor;
}

// With the largest unit that leaves a whole number.
std::string FormatWithUnit(uint64_t value, std::span<const Unit> units) {
  if (value == 0) return "0";
  const auto unit =
      std::ranges::find_if(units, [&](const Unit& u) { return value % u.factor == 0; });
  return fmt::format("{}{}", value / unit->factor, unit->name);
}

// `form` and a range check around the text form of a number.
template <typename V>
Codec<V> Ranged(V min, V max, std::string_view form, std::string_view example,
                const std::function<std::optional<V>(std::string_view)>& read,
                const std::function<std::string(const V&)>& format) {
  std::string whole_form = fmt::format("{}, {} to {}", form, format(min), format(max));
  auto parse = [=](std::string_view text) -> absl::StatusOr<V> {
    const std::optional<V> value = read(text);
    if (!value) {
      return absl::InvalidArgumentError(fmt::format("must be a {}, for example {}", form, example));
    }
    if (*value < min || *value > max) {
      return absl::InvalidArgumentError(
          fmt::format("must be between {} and {}", format(min), format(max)));
    }
    return *value;
  };
  return {std::move(whole_form), std::move(parse), format};
}

}  // namespace

Codec<int64_t> Integer(int64_t min, int64_t max) {
  return Ranged<int64_t>(
      min, max, "whole number", "4",
      [](std::string_view text) -> std::optional<int64_t> {
        int64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
        return value;
      },
      [](const int64_t& value) { return fmt::to_string(value); });
}

Codec<uint64_t> Bytes(uint64_t min, uint64_t max) {
  return Ranged<uint64_t>(
      min, max, "size", "64MiB",
      [](std::string_view text) { return ParseWithUnit(text, kSizeUnits); },
      [](const uint64_t& value) { return FormatWithUnit(value, kSizeUnits); });
}

Codec<microseconds> DurationValue(microseconds min, microseconds max, microseconds step) {
  const auto format = [](const microseconds& value) {
    return FormatWithUnit(static_cast<uint64_t>(value.count()), kTimeUnits);
  };
  Codec<microseconds> codec = Ranged<microseconds>(
      min, max, "duration with a unit", "500ms or 30s",
      [](std::string_view text) -> std::optional<microseconds> {
        const std::optional<uint64_t> value = text == "0" ? 0 : ParseWithUnit(text, kTimeUnits);
        if (!value) return std::nullopt;
        return microseconds(*value);
      },
      format);
  codec.parse = [parse = codec.parse, step, format](std::string_view text) {
    absl::StatusOr<microseconds> value = parse(text);
    if (value.ok() && *value % step != microseconds(0)) {
      value = absl::InvalidArgumentError("must be a multiple of " + format(step));
    }
    return value;
  };
  return codec;
}

Codec<bool> Boolean() { return Choice<bool>({{"true", true}, {"false", false}}); }

Codec<std::string> Text() {
  return {"text",
          [](std::string_view text) -> absl::StatusOr<std::string> { return std::string(text); },
          [](const std::string& value) { return value; }};
}

std::optional<std::string> NearestWord(std::string_view word, std::span<const std::string> known) {
  // Levenshtein distance, two rows at a time.
  const auto distance = [&](std::string_view other) {
    std::vector<size_t> previous(other.size() + 1);
    std::vector<size_t> current(other.size() + 1);
    for (size_t j = 0; j <= other.size(); ++j) previous[j] = j;
    for (size_t i = 0; i < word.size(); ++i) {
      current[0] = i + 1;
      for (size_t j = 0; j < other.size(); ++j) {
        const size_t substitution = previous[j] + (word[i] == other[j] ? 0 : 1);
        current[j + 1] = std::min({previous[j + 1] + 1, current[j] + 1, substitution});
      }
      previous.swap(current);
    }
    return previous[other.size()];
  };
  if (word.size() > 64) return std::nullopt;
  std::optional<std::string> nearest;
  size_t best = 1 + std::max<size_t>(1, word.size() / 4);
  for (const std::string& candidate : known) {
    const size_t d = distance(candidate);
    if (d < best) {
      best = d;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace rerankd
