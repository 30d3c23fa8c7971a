#include "core/errors.h"

#include <fmt/format.h>

#include <cstdlib>

#include "absl/strings/cord.h"

namespace rerankd {
namespace {

constexpr char kField[] = "rerankd/field";
constexpr char kRetryAfter[] = "rerankd/retry-after-ms";
constexpr char kReason[] = "rerankd/reason";
constexpr char kDomain[] = "rerankd/domain";
constexpr std::string_view kMetadata = "rerankd/metadata/";  // followed by the key

std::optional<std::string> Payload(const absl::Status& status, const char* key) {
  const auto payload = status.GetPayload(key);
  if (!payload.has_value()) return std::nullopt;
  return std::string(*payload);
}

// Not absl::Cord(std::string): clang and a g++-built Abseil disagree about that symbol's name.
absl::Cord Bytes(std::string_view text) {
  return absl::Cord(absl::string_view(text.data(), text.size()));
}

}  // namespace

absl::Status InvalidField(std::string_view field, std::string_view problem) {
  absl::Status status = absl::InvalidArgumentError(fmt::format("{} {}", field, problem));
  status.SetPayload(kField, Bytes(field));
  return status;
}

absl::Status RetryLater(std::string_view message, std::chrono::milliseconds retry_after) {
  return WithRetryAfter(absl::ResourceExhaustedError(std::string(message)), retry_after);
}

absl::Status WithRetryAfter(absl::Status status, std::chrono::milliseconds retry_after) {
  status.SetPayload(kRetryAfter, Bytes(fmt::format("{}", retry_after.count())));
  return status;
}

absl::Status WithReason(absl::Status status, std::string_view reason) {
  status.SetPayload(kReason, Bytes(reason));
  return status;
}

absl::Status WithErrorInfo(absl::Status status, const ErrorInfo& info) {
  status.SetPayload(kReason, Bytes(info.reason));
  status.SetPayload(kDomain, Bytes(info.domain));
  for (const auto& [key, value] : info.metadata) {
    if (!value.empty()) status.SetPayload(fmt::format("{}{}", kMetadata, key), Bytes(value));
  }
  return status;
}

std::optional<std::string> FieldOf(const absl::Status& status) { return Payload(status, kField); }

std::optional<std::chrono::milliseconds> RetryAfterOf(const absl::Status& status) {
  const auto payload = Payload(status, kRetryAfter);
  if (!payload.has_value()) return std::nullopt;
  return std::chrono::milliseconds(std::strtoll(payload->c_str(), nullptr, 10));
}

std::optional<std::string> ReasonOf(const absl::Status& status) { return Payload(status, kReason); }

std::optional<ErrorInfo> ErrorInfoOf(const absl::Status& status) {
  std::optional<std::string> reason = ReasonOf(status);
  if (!reason.has_value()) return std::nullopt;
  ErrorInfo info{.reason = *std::move(reason)};
  info.domain = Payload(status, kDomain).value_or(info.domain);
  status.ForEachPayload([&](absl::string_view name, const absl::Cord& value) {
    const std::string_view key(name.data(), name.size());
    if (key.starts_with(kMetadata)) {
      info.metadata.emplace(key.substr(kMetadata.size()), std::string(value));
    }
  });
  return info;
}

}  // namespace rerankd
