#include "tokenizer/precompiled_charsmap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tokenizer/grapheme_breaker.h"
#include "tokenizer/utf8_codec.h"
#include "util/status_macros.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

// A unit of the double array (darts-clone's format).
bool HasLeaf(uint32_t unit) { return ((unit >> 8) & 1) != 0; }
uint32_t Value(uint32_t unit) { return unit & 0x7FFFFFFFU; }
uint32_t Label(uint32_t unit) { return unit & 0x800000FFU; }
uint32_t Offset(uint32_t unit) { return (unit >> 10) << ((unit & 0x200U) >> 6); }

bool IsContinuation(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }

}  // namespace

absl::StatusOr<PrecompiledCharsmap> PrecompiledCharsmap::Parse(std::string_view bytes) {
  const auto error = [](std::string_view problem) {
    return absl::FailedPreconditionError(fmt::format("the character map {}", problem));
  };
  const auto number_at = [bytes](size_t at) {
    uint32_t number = 0;
    for (int i = 3; i >= 0; --i) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
    return number;
  };
  if (bytes.size() < 8) return error("is shorter than its header");
  const size_t array_bytes = number_at(0);
  if (array_bytes < 4 || array_bytes % 4 != 0 || array_bytes > bytes.size() - 4) {
    return error(
        fmt::format("says that its array has {} bytes, of {} in all", array_bytes, bytes.size()));
  }
  PrecompiledCharsmap result;
  for (size_t at = 4; at < 4 + array_bytes; at += 4) result.units_.push_back(number_at(at));
  result.strings_ = bytes.substr(4 + array_bytes);
  if (FindInvalidUtf8(result.strings_).has_value()) return error("has strings that are not UTF-8");
  RERANKD_RETURN_IF_ERROR(result.CheckEntries());
  return result;
}

// Walks every path from the root, so that a look-up may trust the values.
absl::Status PrecompiledCharsmap::CheckEntries() const {
  std::vector<bool> seen(units_.size());
  std::vector<uint32_t> todo{Offset(units_[0])};
  while (!todo.empty()) {
    const uint32_t base = todo.back();
    todo.pop_back();
    for (uint32_t byte = 1; byte < 256; ++byte) {
      const uint32_t at = base ^ byte;
      if (at >= units_.size() || Label(units_[at]) != byte || seen[at]) continue;
      seen[at] = true;
      const uint32_t child = at ^ Offset(units_[at]);
      todo.push_back(child);
      if (!HasLeaf(units_[at])) continue;
      const uint32_t value = child < units_.size() ? Value(units_[child]) : 0x7FFFFFFFU;
      if (value > strings_.size() || (value < strings_.size() && IsContinuation(strings_[value]))) {
        return absl::FailedPreconditionError(
            fmt::format("the character map has an entry at {}, but {} bytes of strings", value,
                        strings_.size()));
      }
    }
  }
  return absl::OkStatus();
}

std::string_view PrecompiledCharsmap::StringAt(uint32_t offset) const {
  const std::string_view rest = std::string_view(strings_).substr(offset);
  return rest.substr(0, rest.find('\0'));
}

std::optional<std::string_view> PrecompiledCharsmap::Find(std::string_view text) const {
  uint32_t at = Offset(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte == 0) return std::nullopt;
    at ^= byte;
    if (at >= units_.size() || Label(units_[at]) != byte) return std::nullopt;
    const uint32_t unit = units_[at];
    at ^= Offset(unit);
    if (HasLeaf(unit)) return StringAt(Value(units_[at]));
  }
  return std::nullopt;
}

namespace {

class PrecompiledStep final : public NormalizerStep {
 public:
  explicit PrecompiledStep(PrecompiledCharsmap charsmap) : charsmap_(std::move(charsmap)) {
    for (size_t c = 0; c < ascii_.size(); ++c) {
      const char text = static_cast<char>(c);
      const std::string_view single(&text, 1);
      ascii_[c] = charsmap_.Find(single).value_or(single);
    }
  }

  std::unique_ptr<Stream> Start() const override;

  const PrecompiledCharsmap& charsmap() const { return charsmap_; }
  const std::string& ascii(char c) const { return ascii_[static_cast<uint8_t>(c)]; }

 private:
  PrecompiledCharsmap charsmap_;
  std::array<std::string, 128> ascii_;  // what each character by itself becomes
};

class PrecompiledStream final : public NormalizerStep::Stream {
 public:
  explicit PrecompiledStream(const PrecompiledStep& step) : step_(step) {}

  void Append(std::string_view part, std::string& out) override {
    for (size_t i = 0; i < part.size();) {
      // Between two printable characters of ASCII a cluster always ends, and nothing else changes.
      while (i < part.size() && cluster_size_ == 1 && IsPlain(cluster_[0]) && IsPlain(part[i])) {
        out += step_.ascii(cluster_[0]);
        cluster_[0] = part[i++];
      }
      if (i == part.size()) return;
      const size_t begin = i;
      const char32_t c = NextCodePoint(part, i);
      Add(c, part.substr(begin, i - begin), out);
    }
  }

  void Finish(std::string& out) override {
    EndCluster(out);
    breaker_ = GraphemeBreaker();
  }

 private:
  static constexpr size_t kLongCluster = 6;

  static bool IsPlain(char c) { return c >= 0x20 && c < 0x7F; }

  void Add(char32_t c, std::string_view bytes, std::string& out) {
    if (breaker_.BreaksBefore(c)) EndCluster(out);
    if (!long_ && cluster_size_ + bytes.size() < kLongCluster) {
      std::memcpy(cluster_ + cluster_size_, bytes.data(), bytes.size());
      cluster_size_ += bytes.size();
      return;
    }
    if (!long_) {
      long_ = true;
      AppendEach(std::string_view(cluster_, cluster_size_), out);
    }
    AppendEach(bytes, out);
  }

  void EndCluster(std::string& out) {
    const std::string_view cluster(cluster_, long_ ? 0 : cluster_size_);
    cluster_size_ = 0;
    long_ = false;
    if (cluster.empty()) return;
    if (const auto found = step_.charsmap().Find(cluster); found.has_value()) {
      out += *found;
    } else {
      AppendEach(cluster, out);
    }
  }

  void AppendEach(std::string_view characters, std::string& out) {
    for (size_t i = 0; i < characters.size();) {
      const size_t begin = i;
      NextCodePoint(characters, i);
      const std::string_view character = characters.substr(begin, i - begin);
      out += step_.charsmap().Find(character).value_or(character);
    }
  }

  const PrecompiledStep& step_;
  GraphemeBreaker breaker_;
  char cluster_[kLongCluster] = {};  // the open one, while it is short
  size_t cluster_size_ = 0;
  bool long_ = false;  // the open one is not; its characters are out already
};

std::unique_ptr<NormalizerStep::Stream> PrecompiledStep::Start() const {
  return std::make_unique<PrecompiledStream>(*this);
}

}  // namespace

std::unique_ptr<NormalizerStep> MakePrecompiledStep(PrecompiledCharsmap charsmap) {
  return std::make_unique<PrecompiledStep>(std::move(charsmap));
}

}  // namespace rerankd
