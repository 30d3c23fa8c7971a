#include "providers/key_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr size_t kMaxKeyBytes = 8192;

absl::Status Unusable(std::string_view provider, std::string_view place, const absl::Status& why) {
  return absl::FailedPreconditionError(fmt::format("{}: the key in {} cannot be used: {}", provider,
                                                   place, std::string(why.message())));
}

}  // namespace

absl::StatusOr<Secret> ParseKey(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return absl::InvalidArgumentError("it is empty");
  if (text.size() > kMaxKeyBytes) {
    return absl::InvalidArgumentError(fmt::format("it is longer than {} bytes", kMaxKeyBytes));
  }
  if (!std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; })) {
    return absl::InvalidArgumentError(
        "it holds a control character (a line end within it?) or one that is not ASCII");
  }
  return Secret(std::move(text));
}

KeySource::KeySource(const Options& options, const EnvironmentLookup& environment,
                     Listener listener)
    : provider_(options.provider),
      place_(Find(options, environment)),
      listener_(std::move(listener)) {}

KeySource::Place KeySource::Find(const Options& options, const EnvironmentLookup& environment) {
  if (!options.file.empty()) {
    return {.name = fmt::format("file {}", options.file.string()), .file = options.file};
  }
  const bool is_named = !options.variable.empty();
  const std::vector<Dialect::KeyVariable> variables =
      is_named ? std::vector<Dialect::KeyVariable>{{.name = options.variable}} : options.customary;
  std::string names;
  for (const Dialect::KeyVariable& variable : variables) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", variable.name);
    const auto value = environment(variable.name);
    if (!value.has_value() || value->empty()) continue;
    Place place{.name = fmt::format("environment variable {}", variable.name)};
    if (variable.names_file) {
      place.name = fmt::format("file {} ({})", *value, variable.name);
      place.file = *value;
    } else {
      place.key = ParseKey(*value);
      if (!place.key.ok()) {
        place.key = Unusable(options.provider, place.name, place.key.status());
      }
    }
    return place;
  }
  Place nowhere{.name = "nowhere"};
  if (is_named || options.required) {
    nowhere.key = absl::FailedPreconditionError(fmt::format(
        "{}: there is no key: set {}{}", options.provider,
        names.empty() ? "" : fmt::format("{} in the environment{}", names, is_named ? "" : ", or "),
        is_named ? "" : "api_key_file or api_key_env in the model's entry"));
  }
  return nowhere;
}

absl::StatusOr<Secret> KeySource::Get() {
  if (place_.file.empty()) return place_.key;
  const absl::StatusOr<FileIdentity> identity = IdentifyFile(place_.file);
  {
    const MutexLock lock(mutex_);
    if (identity.ok() && read_ == *identity) return key_;
  }
  // What changes between the look and the reading is seen as a change by the next call.
  const auto read = [&]() -> absl::StatusOr<Secret> {
    RERANKD_RETURN_IF_ERROR(identity.status());
    RERANKD_ASSIGN_OR_RETURN(std::string text, ReadFile(place_.file, kMaxKeyBytes + 2));
    return ParseKey(std::move(text));
  };
  absl::StatusOr<Secret> key = read();
  absl::Status problem =
      key.ok() ? absl::OkStatus() : Unusable(provider_, place_.name, key.status());
  bool is_news = false;
  {
    const MutexLock lock(mutex_);
    const bool is_first = !read_.has_value();
    if (!key.ok() && is_first) return problem;
    const std::optional<FileIdentity> seen =
        identity.ok() ? std::optional(*identity) : std::nullopt;
    if (key.ok()) {
      is_news = !is_first && read_ != seen;
      key_ = *std::move(key);
      read_ = seen;
      unusable_.reset();
    } else {
      is_news = problem_ != problem || unusable_ != seen;
      unusable_ = seen;
    }
    problem_ = problem;
    key = key_;
  }
  if (is_news && listener_ != nullptr) listener_(problem);
  return key;
}

}  // namespace rerankd
