// The hub's HTTP API as pure functions: what is asked, and what an answer says. Answers are hostile
// until they have passed through here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "http/http_client.h"
#include "hub/hub_options.h"
#include "hub/model_id.h"

namespace rerankd {

// What there is at a revision.
struct RepoListing {
  std::string commit;
  std::vector<std::string> files;  // each has passed IsSafeRepoPath()
};

// What a HEAD for a file says.
struct FileMetadata {
  // The name of its blob, and what its bytes must hash to: SHA-256 (64 digits) for a file that the
  // hub keeps apart (LFS, Xet), git's SHA-1 of a blob (40 digits) for any other.
  std::string etag;
  std::optional<uint64_t> size;
};

HttpRequest ListingRequest(const HubOptions& options, const ModelId& id);
HttpRequest FileRequest(const HubOptions& options, const std::string& repo, std::string_view commit,
                        std::string_view file);

// FAILED_PRECONDITION says what no hub would answer.
absl::StatusOr<RepoListing> ParseListing(std::string_view text);

// Whether an answer to the HEAD for a file is the one with the metadata; a redirect that is not
// must be followed.
bool HasFileMetadata(const HttpResponse& response);
absl::StatusOr<FileMetadata> ParseFileMetadata(const HttpResponse& response,
                                               std::string_view commit);

// An ETag without quotes and the mark of a weak one.
std::string_view NormalizeEtag(std::string_view header);

struct ContentRange {
  uint64_t first = 0;
  std::optional<uint64_t> total;
};
// "bytes 100-199/200"; nullopt when it is not of that form.
std::optional<ContentRange> ParseContentRange(std::string_view header);

// What an answer that is neither 2xx nor a redirect means. `file` is "" for a question about the
// model.
absl::Status HubError(const HttpResponse& response, const HubOptions& options, const ModelId& id,
                      std::string_view file);

}  // namespace rerankd
