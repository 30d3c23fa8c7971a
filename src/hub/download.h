// One model's conversation with the hub: asks, follows redirects, tries again, and brings files
// into the cache, verified. What is decided in it is decided in hub_api, retry_policy and http/url.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "http/http_client.h"
#include "hub/cache_layout.h"
#include "hub/hub_api.h"
#include "hub/hub_options.h"
#include "hub/model_id.h"
#include "hub/progress.h"
#include "util/mutex.h"

namespace rerankd {

// Adds up what the threads of a download have done, and tells an observer. Safe for concurrent use.
class ProgressCounter {
 public:
  explicit ProgressCounter(const HubObserver& observer) : observer_(observer) {}

  // What there is to do in all. The observer is told nothing before.
  void Plan(uint64_t bytes, size_t files) RERANKD_EXCLUDES(mutex_);
  // `bytes` of an interrupted download were there already.
  void Reuse(uint64_t bytes) RERANKD_EXCLUDES(mutex_);
  // Below 0 where something has to be fetched again.
  void Advance(int64_t bytes) RERANKD_EXCLUDES(mutex_);
  void FinishFile() RERANKD_EXCLUDES(mutex_);
  void Say(const std::string& message) RERANKD_EXCLUDES(mutex_);

 private:
  void Tell() RERANKD_REQUIRES(mutex_);

  const HubObserver& observer_;
  // Held while the observer is called: it is promised one call at a time.
  Mutex mutex_;
  HubProgress progress_ RERANKD_GUARDED_BY(mutex_);
  bool planned_ RERANKD_GUARDED_BY(mutex_) = false;
};

// Safe for concurrent use; two calls for the same blob, here or in another process, fetch it once.
class Download {
 public:
  // All of these must outlive it.
  Download(const HubOptions& options, HttpClient& client, const ModelId& id,
           const CacheLayout& layout, ProgressCounter& progress, std::stop_token stop);

  absl::StatusOr<RepoListing> AskListing(int max_attempts);
  absl::StatusOr<FileMetadata> AskFile(std::string_view commit, const std::string& file);

  // Whether the cache has the blob.
  bool HasBlob(const FileMetadata& metadata) const;
  // Brings the blob into the cache where it is missing, and links the file to it.
  absl::Status Fetch(std::string_view commit, const std::string& file,
                     const FileMetadata& metadata);
  // Links a further file to a blob that Fetch() has brought.
  absl::Status Link(std::string_view commit, const std::string& file, std::string_view etag);

 private:
  struct Attempt {
    absl::Status status;
    bool transient = false;
    bool progressed = false;  // it brought something all the same
    std::optional<std::chrono::milliseconds> asked =
        std::nullopt;  // the pause that the hub asks for
  };
  class BodyWriter;

  Attempt Failed(absl::Status status) const;
  Attempt Failed(const HttpResponse& response, std::string_view file) const;
  absl::Status WithRetries(std::string_view what, int max_attempts,
                           const std::function<Attempt()>& attempt);
  absl::StatusOr<HttpResponse> Send(HttpRequest request, const HttpBodySink& sink,
                                    bool until_metadata);
  absl::Status FetchBlob(std::string_view commit, const std::string& file,
                         const FileMetadata& metadata);
  Attempt FetchRest(std::string_view commit, const std::string& file, const FileMetadata& metadata);
  absl::Status Verify(const std::string& file, const FileMetadata& metadata) const;

  const HubOptions& options_;
  HttpClient& client_;
  const ModelId& id_;
  const CacheLayout& layout_;
  ProgressCounter& progress_;
  const std::stop_token stop_;
};

}  // namespace rerankd
