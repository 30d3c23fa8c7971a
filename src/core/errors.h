// Errors that carry more than a message: the field at fault, when to come back, a stable reason and
// what belongs to it.
// They travel as payloads of absl::Status; service/status_conversion turns them into
// google.rpc.BadRequest, RetryInfo and ErrorInfo.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace rerankd {

// INVALID_ARGUMENT "<field> <problem>", for example InvalidField("documents[3]", "is empty").
absl::Status InvalidField(std::string_view field, std::string_view problem);

// RESOURCE_EXHAUSTED with a hint when to try again.
absl::Status RetryLater(std::string_view message, std::chrono::milliseconds retry_after);

// The same hint for an error of any code.
absl::Status WithRetryAfter(absl::Status status, std::chrono::milliseconds retry_after);

// Attaches a stable, machine-readable reason in UPPER_SNAKE_CASE (google.rpc.ErrorInfo.reason).
absl::Status WithReason(absl::Status status, std::string_view reason);

// google.rpc.ErrorInfo as a whole. Short values: a client takes 8 KiB of metadata in all.
struct ErrorInfo {
  std::string reason;                           // UPPER_SNAKE_CASE
  std::string domain = "rerankd";               // whose reason it is
  std::map<std::string, std::string> metadata;  // lower_snake_case: value; empty ones are left out
};
absl::Status WithErrorInfo(absl::Status status, const ErrorInfo& info);

// What was attached, if anything.
std::optional<std::string> FieldOf(const absl::Status& status);
std::optional<std::chrono::milliseconds> RetryAfterOf(const absl::Status& status);
std::optional<std::string> ReasonOf(const absl::Status& status);
std::optional<ErrorInfo> ErrorInfoOf(const absl::Status& status);

}  // namespace rerankd
