#include "hub/hub_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "http/url.h"
#include "hub/cache_layout.h"
#include "util/json.h"
#include "util/printable.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr size_t kMaxFiles = 100'000;
constexpr size_t kSha256Digits = 64;
constexpr char kNoHub[] = "is that the address of a hub? Check HF_ENDPOINT and the proxy";

bool IsHex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

HttpRequest Request(const HubOptions& options, std::string url) {
  HttpRequest request{.url = std::move(url)};
  if (!options.token.empty()) {
    request.secret_headers.emplace_back("Authorization",
                                        Secret("Bearer " + options.token.Reveal()));
  }
  return request;
}

absl::StatusOr<std::string> FileName(const nlohmann::json& sibling) {
  if (!sibling.is_object()) {
    return absl::FailedPreconditionError(
        fmt::format("an entry of \"siblings\" must be an object, but is {}", JsonExcerpt(sibling)));
  }
  RERANKD_ASSIGN_OR_RETURN(const auto name, JsonString(sibling, "rfilename", "\"siblings\""));
  if (!name.has_value() || !IsSafeRepoPath(*name)) {
    return absl::FailedPreconditionError(
        fmt::format("\"rfilename\" {} cannot be the path of a file",
                    name.has_value() ? JsonExcerpt(*name) : "is missing and"));
  }
  return *name;
}

}  // namespace

HttpRequest ListingRequest(const HubOptions& options, const ModelId& id) {
  return Request(options, fmt::format("{}/api/models/{}/revision/{}", options.endpoint, id.repo,
                                      EscapeForUrl(id.revision, /*keep_slashes=*/false)));
}

HttpRequest FileRequest(const HubOptions& options, const std::string& repo, std::string_view commit,
                        std::string_view file) {
  HttpRequest request =
      Request(options, fmt::format("{}/{}/resolve/{}/{}", options.endpoint, repo, commit,
                                   EscapeForUrl(file, /*keep_slashes=*/true)));
  // Lengths and ranges then count the file's own bytes.
  request.accept_compression = false;
  return request;
}

absl::StatusOr<RepoListing> ParseListing(std::string_view text) {
  constexpr std::string_view kOrigin = "the hub's answer";
  RERANKD_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(text, kOrigin));
  if (!json.is_object()) {
    return absl::FailedPreconditionError(fmt::format("{} is no JSON object; {}", kOrigin, kNoHub));
  }
  RERANKD_ASSIGN_OR_RETURN(const auto commit, JsonString(json, "sha", kOrigin));
  if (!commit.has_value() || !IsCommit(*commit)) {
    return absl::FailedPreconditionError(
        fmt::format("{}: \"sha\" must be a commit (40 hexadecimal digits); {}", kOrigin, kNoHub));
  }
  RepoListing listing{.commit = *commit};
  const auto siblings = json.find("siblings");
  if (siblings == json.end() || !siblings->is_array()) {
    return absl::FailedPreconditionError(
        fmt::format("{}: \"siblings\" must be the list of files; {}", kOrigin, kNoHub));
  }
  if (siblings->size() > kMaxFiles) {
    return absl::FailedPreconditionError(
        fmt::format("{} lists {} files, more than the {} that a model may have", kOrigin,
                    siblings->size(), kMaxFiles));
  }
  listing.files.reserve(siblings->size());
  for (const nlohmann::json& sibling : *siblings) {
    absl::StatusOr<std::string> name = FileName(sibling);
    if (!name.ok()) {
      return absl::FailedPreconditionError(
          fmt::format("{}: {}", kOrigin, std::string(name.status().message())));
    }
    listing.files.push_back(*std::move(name));
  }
  return listing;
}

bool HasFileMetadata(const HttpResponse& response) {
  // A redirect's own ETag is that of the redirect.
  return response.Header("X-Linked-Etag").has_value() || !IsRedirect(response.status);
}

absl::StatusOr<FileMetadata> ParseFileMetadata(const HttpResponse& response,
                                               std::string_view commit) {
  const auto answered = response.Header("X-Repo-Commit");
  if (!answered.has_value()) {
    return absl::FailedPreconditionError(
        fmt::format("the answer has no X-Repo-Commit; {}", kNoHub));
  }
  if (*answered != commit) {
    return absl::FailedPreconditionError(
        fmt::format("the answer is for commit {}, not for {}", Printable(*answered), commit));
  }
  auto etag = response.Header("X-Linked-Etag");
  if (!etag.has_value()) etag = response.Header("ETag");
  const std::string_view name = NormalizeEtag(etag.value_or(""));
  if (!IsHex(name) || (!IsCommit(name) && name.size() != kSha256Digits)) {
    return absl::FailedPreconditionError(
        fmt::format("the ETag \"{}\" is neither a SHA-256 nor git's SHA-1, so the file could not "
                    "be verified; use a hub or mirror that passes the original one on",
                    Printable(name)));
  }
  FileMetadata metadata{.etag = std::string(name)};
  auto size = response.Header("X-Linked-Size");
  if (!size.has_value() && !IsRedirect(response.status)) size = response.Header("Content-Length");
  if (size.has_value()) {
    metadata.size = ParseNumber(*size);
    if (!metadata.size.has_value()) {
      return absl::FailedPreconditionError(
          fmt::format("the size \"{}\" is no number", Printable(*size)));
    }
  }
  return metadata;
}

std::string_view NormalizeEtag(std::string_view header) {
  if (header.starts_with("W/")) header.remove_prefix(2);
  while (header.starts_with('"')) header.remove_prefix(1);
  while (header.ends_with('"')) header.remove_suffix(1);
  return header;
}

std::optional<ContentRange> ParseContentRange(std::string_view header) {
  constexpr std::string_view kUnit = "bytes ";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  const size_t dash = header.find('-');
  const size_t slash = header.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) {
    return std::nullopt;
  }
  const auto first = ParseNumber(header.substr(0, dash));
  const auto last = ParseNumber(header.substr(dash + 1, slash - dash - 1));
  if (!first.has_value() || !last.has_value() || *last < *first) return std::nullopt;
  ContentRange range{.first = *first};
  if (const std::string_view total = header.substr(slash + 1); total != "*") {
    range.total = ParseNumber(total);
    if (!range.total.has_value() || *last >= *range.total) return std::nullopt;
  }
  return range;
}

absl::Status HubError(const HttpResponse& response, const HubOptions& options, const ModelId& id,
                      std::string_view file) {
  const std::string_view code = response.Header("X-Error-Code").value_or("");
  const std::string_view text = response.Header("X-Error-Message").value_or("");
  const std::string said = text.empty() ? "" : fmt::format(" (the hub says: {})", Printable(text));
  const bool token = !options.token.empty();
  if (code == "RevisionNotFound") {
    return absl::NotFoundError(fmt::format("{} has no revision \"{}\" at {}", id.repo,
                                           Printable(id.revision), options.endpoint));
  }
  if (code == "EntryNotFound") {
    return absl::NotFoundError(fmt::format("{} has no file \"{}\" at revision {}", id.repo,
                                           Printable(file), Printable(id.revision)));
  }
  if (code == "GatedRepo") {
    return absl::PermissionDeniedError(fmt::format(
        "{0} is gated: accept its conditions at {1}/{0}, then {2}{3}", id.repo, options.endpoint,
        token ? "use a token (HF_TOKEN) of the account that did"
              : "set HF_TOKEN to a token of that account",
        said));
  }
  switch (response.status) {
    case 401:
      return absl::PermissionDeniedError(
          token
              ? fmt::format(
                    "{} refuses the token for {}: it is wrong or has expired, or there is no such "
                    "model; check HF_TOKEN and the model's id{}",
                    options.endpoint, id.repo, said)
              : fmt::format(
                    "{} has no public model {}: check the id or, for a private or gated model, "
                    "set HF_TOKEN{}",
                    options.endpoint, id.repo, said));
    case 403:
      return absl::PermissionDeniedError(fmt::format(
          "{} refuses access to {}: {}{}", options.endpoint, id.repo,
          token ? "the token (HF_TOKEN) has not the right to read it" : "set HF_TOKEN", said));
    case 404:
      return absl::NotFoundError(
          file.empty()
              ? fmt::format(
                    "{} has no model {}: check the id and, for a private model, that HF_TOKEN may "
                    "read it{}",
                    options.endpoint, id.repo, said)
              : fmt::format("{} has no file \"{}\" at revision {}{}", id.repo, Printable(file),
                            Printable(id.revision), said));
    case 429:
      return absl::UnavailableError(
          fmt::format("{} limits how often it may be asked (HTTP 429): try again later{}{}",
                      options.endpoint, token ? "" : ", or set HF_TOKEN for a higher limit", said));
    default:
      return response.status >= 500 ? absl::UnavailableError(fmt::format(
                                          "{} cannot answer (HTTP {}): try again later{}",
                                          options.endpoint, response.status, said))
                                    : absl::FailedPreconditionError(fmt::format(
                                          "{} answers with HTTP {}; {}{}", options.endpoint,
                                          response.status, kNoHub, said));
  }
}

}  // namespace rerankd
