#include "hub/model_id.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/url.h"
#include "util/printable.h"

namespace rerankd {
namespace {

constexpr size_t kMaxPartBytes = 96;
constexpr size_t kMaxRevisionBytes = 255;
constexpr size_t kCommitDigits = 40;

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// One side of "org/name".
bool IsPart(std::string_view part) {
  return !part.empty() && part.size() <= kMaxPartBytes && IsWord(part.front()) &&
         IsWord(part.back()) &&
         std::ranges::all_of(part, [](char c) { return IsWord(c) || c == '-' || c == '.'; });
}

const char* WrongInRepo(std::string_view repo) {
  if (repo.find("://") != std::string_view::npos) {
    return "give the id alone, ORGANIZATION/NAME, without the address of the hub (HF_ENDPOINT "
           "names another hub)";
  }
  const size_t slash = repo.find('/');
  const bool parts = slash == std::string_view::npos
                         ? IsPart(repo)
                         : IsPart(repo.substr(0, slash)) && IsPart(repo.substr(slash + 1));
  if (!parts) {
    return "it must be NAME or ORGANIZATION/NAME, each of 1 to 96 letters, digits, '_', '-' and "
           "'.', beginning and ending with a letter, a digit or '_'";
  }
  if (repo.find("--") != std::string_view::npos || repo.find("..") != std::string_view::npos) {
    return "\"--\" and \"..\" are not allowed";
  }
  if (repo.ends_with(".git")) return "it must not end in \".git\"";
  return nullptr;
}

// The rules of git for the names of branches and tags.
const char* WrongInRevision(std::string_view revision) {
  if (revision.size() > kMaxRevisionBytes) return "it is longer than 255 bytes";
  constexpr std::string_view kForbidden = "~^:?*[\\";
  for (const char c : revision) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F ||
        kForbidden.find(c) != std::string_view::npos) {
      return "it holds a character that no branch, tag or commit has";
    }
  }
  std::string_view rest = revision;
  while (true) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part.front() == '.' || part.ends_with(".lock")) {
      return "no part of it between slashes may be empty, begin with '.' or end in \".lock\"";
    }
    if (slash == std::string_view::npos) return nullptr;
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace

absl::StatusOr<ModelId> MakeModelId(std::string_view repo, std::string_view revision) {
  if (const char* wrong = WrongInRepo(repo); wrong != nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no model id: {}", Printable(WithoutUserInfo(repo)), wrong));
  }
  ModelId id{.repo = std::string(repo)};
  if (revision.empty()) return id;
  if (const char* wrong = WrongInRevision(revision); wrong != nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no revision: {}", Printable(revision), wrong));
  }
  id.revision = revision;
  return id;
}

bool IsCommit(std::string_view revision) {
  return revision.size() == kCommitDigits && std::ranges::all_of(revision, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string ToString(const ModelId& id) {
  return id.revision == "main" ? id.repo : fmt::format("{}@{}", id.repo, id.revision);
}

}  // namespace rerankd
