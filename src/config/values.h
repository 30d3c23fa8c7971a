// How a setting's value is written: the one place that turns text into values and back, whether
// the text came from a file, the environment or a flag.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace rerankd {

// Reads and writes values of one type. Format(Parse(text)) means the same as `text`. An error of
// Parse() says what would be right, in words that follow the name of the setting.
template <typename V>
struct Codec {
  std::string form;  // what a value looks like, for help and documentation
  std::function<absl::StatusOr<V>(std::string_view text)> parse;
  std::function<std::string(const V&)> format;
  // How a message shows a text that was refused; empty: as it is.
  std::function<std::string(std::string_view text)> shown = {};
};

Codec<int64_t> Integer(int64_t min, int64_t max);
// "1048576", "64KiB", "64MiB", "1GiB"; in bytes.
Codec<uint64_t> Bytes(uint64_t min, uint64_t max);
// "250us", "20ms", "30s", "5m", "1h", or "0"; a multiple of `step`.
Codec<std::chrono::microseconds> DurationValue(
    std::chrono::microseconds min, std::chrono::microseconds max,
    std::chrono::microseconds step = std::chrono::milliseconds(1));
Codec<bool> Boolean();
Codec<std::string> Text();

// Values separated by commas.
template <typename V>
Codec<std::vector<V>> List(std::string form, const Codec<V>& codec) {
  auto parse = [parse = codec.parse](std::string_view text) -> absl::StatusOr<std::vector<V>> {
    std::vector<V> values;
    while (true) {
      const size_t comma = text.find(',');
      std::string_view part = text.substr(0, comma);
      while (part.starts_with(' ')) part.remove_prefix(1);
      while (part.ends_with(' ')) part.remove_suffix(1);
      absl::StatusOr<V> value = parse(part);
      if (!value.ok()) return value.status();
      values.push_back(*std::move(value));
      if (comma == std::string_view::npos) return values;
      text.remove_prefix(comma + 1);
    }
  };
  auto format = [format = codec.format](const std::vector<V>& values) {
    std::string text;
    for (const V& value : values) text += (text.empty() ? "" : ",") + format(value);
    return text;
  };
  return {std::move(form), std::move(parse), std::move(format)};
}

// One of a few words.
template <typename V>
Codec<V> Choice(const std::vector<std::pair<std::string_view, V>>& choices) {
  std::string form;
  for (const auto& [word, value] : choices) {
    if (!form.empty()) form += " | ";
    form += word;
  }
  auto parse = [choices, form](std::string_view text) -> absl::StatusOr<V> {
    for (const auto& [word, value] : choices) {
      if (text == word) return value;
    }
    return absl::InvalidArgumentError("must be one of: " + form);
  };
  auto format = [choices](const V& value) -> std::string {
    for (const auto& [word, choice] : choices) {
      if (value == choice) return std::string(word);
    }
    return "";
  };
  return {std::move(form), std::move(parse), std::move(format)};
}

// What somebody may have meant by `word`: the nearest of `known`, if it is near.
std::optional<std::string> NearestWord(std::string_view word, std::span<const std::string> known);

}  // namespace rerankd
