#include "hub/model_hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "http/curl_http_client.h"
#include "hub/cache_files.h"
#include "hub/cache_layout.h"
#include "hub/download.h"
#include "hub/hub_api.h"
#include "hub/needed_files.h"
#include "util/file.h"
#include "util/mutex.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxRefBytes = 64;
constexpr size_t kMaxJsonBytes = size_t{64} << 20;
constexpr size_t kMaxCachedFiles = 100'000;

std::unique_ptr<HttpClient> MakeClient(const HubOptions& options) {
  return std::make_unique<CurlHttpClient>(
      CurlHttpClientOptions{.user_agent = "rerankd/" RERANKD_VERSION, .ca_file = options.ca_file});
}

// Calls `work` for 0 to count - 1 on up to `threads` threads; the first error ends it.
absl::Status ForEach(size_t count, int threads, std::stop_source& stop,
                     const std::function<absl::Status(size_t)>& work) {
  std::atomic<size_t> next = 0;
  Mutex mutex;
  absl::Status first;
  {
    std::vector<std::jthread> workers;
    for (size_t n = 0; n < std::min(count, static_cast<size_t>(std::max(threads, 1))); ++n) {
      workers.emplace_back([&] {
        for (size_t index = next++; index < count && !stop.stop_requested(); index = next++) {
          absl::Status status = work(index);
          if (status.ok()) continue;
          const MutexLock lock(mutex);
          if (first.ok()) first = std::move(status);
          stop.request_stop();
        }
      });
    }
  }
  if (first.ok() && stop.stop_requested()) return absl::CancelledError("cancelled");
  return first;
}

// What the cache has for one model.
class CachedModel {
 public:
  CachedModel(const ModelId& id, const CacheLayout& layout) : id_(id), layout_(layout) {}

  // The commit that the revision stood for when it was last looked up.
  std::optional<std::string> Commit() const {
    if (IsCommit(id_.revision)) return id_.revision;
    const auto commit = ReadFile(layout_.Ref(), kMaxRefBytes);
    if (!commit.ok() || !IsCommit(*commit)) return std::nullopt;
    return *commit;
  }

  // Its folder, when that has what the model needs as far as its own files tell.
  absl::StatusOr<fs::path> Folder() const {
    const auto commit = Commit();
    if (!commit.has_value()) {
      return absl::NotFoundError(fmt::format("{} does not exist", layout_.Ref().string()));
    }
    fs::path folder = layout_.Snapshot(*commit);
    RERANKD_ASSIGN_OR_RETURN(const std::vector<std::string> files, Files(folder));
    const auto read = [&](const std::string& file) {
      return ReadFile(folder / file, kMaxJsonBytes);
    };
    const auto needed = NeededFiles(files, id_.repo, read);
    if (!needed.ok()) {
      return absl::NotFoundError(fmt::format("{} is not whole: {}", folder.string(),
                                             std::string(needed.status().message())));
    }
    return folder;
  }

  // The same, but only where it is certain that the model has no other file that matters.
  std::optional<fs::path> WholeFolder() const {
    absl::StatusOr<fs::path> folder = Folder();
    if (!folder.ok()) return std::nullopt;
    for (const std::string_view file : WellKnownFiles()) {
      std::error_code error;
      if (!fs::exists(*folder / file, error) &&
          !fs::exists(layout_.NoExist(*Commit(), file), error)) {
        return std::nullopt;
      }
    }
    return *std::move(folder);
  }

 private:
  // Paths below `folder`; a link to a blob that is gone is no file.
  static absl::StatusOr<std::vector<std::string>> Files(const fs::path& folder) {
    std::error_code error;
    std::vector<std::string> files;
    fs::recursive_directory_iterator entry(folder, error);
    if (error) return absl::NotFoundError(fmt::format("{} does not exist", folder.string()));
    for (; entry != fs::recursive_directory_iterator() && files.size() < kMaxCachedFiles;
         entry.increment(error)) {
      std::error_code ignored;
      std::string name = entry->path().lexically_relative(folder).generic_string();
      if (entry->is_regular_file(ignored) && IsSafeRepoPath(name)) files.push_back(std::move(name));
      if (error) break;
    }
    return files;
  }

  const ModelId& id_;
  const CacheLayout& layout_;
};

// Brings a model from the hub into the cache.
class Pull {
 public:
  Pull(const HubOptions& options, HttpClient& client, const ModelId& id, const CacheLayout& layout,
       ProgressCounter& progress, std::stop_source& stop)
      : options_(options),
        id_(id),
        layout_(layout),
        progress_(progress),
        stop_(stop),
        download_(options, client, id, layout, progress, stop.get_token()) {}

  absl::StatusOr<fs::path> Run(int max_attempts) {
    RERANKD_ASSIGN_OR_RETURN(const RepoListing listing, download_.AskListing(max_attempts));
    commit_ = listing.commit;
    fs::path folder = layout_.Snapshot(commit_);
    const auto read = [&](const std::string& file) -> absl::StatusOr<std::string> {
      if (!IsCached(file)) {
        RERANKD_ASSIGN_OR_RETURN(const FileMetadata metadata, download_.AskFile(commit_, file));
        RERANKD_RETURN_IF_ERROR(download_.Fetch(commit_, file, metadata));
        early_bytes_ += metadata.size.value_or(0);
        ++early_files_;
      }
      return ReadFile(folder / file, kMaxJsonBytes);
    };
    RERANKD_ASSIGN_OR_RETURN(std::vector<std::string> files,
                             NeededFiles(listing.files, id_.repo, read));
    std::erase_if(files, [&](const std::string& file) { return IsCached(file); });
    RERANKD_RETURN_IF_ERROR(FetchAll(files));
    RERANKD_RETURN_IF_ERROR(Remember(listing, !files.empty() || early_files_ > 0));
    return folder;
  }

 private:
  bool IsCached(const std::string& file) const {
    std::error_code error;
    return fs::is_regular_file(layout_.Snapshot(commit_) / file, error);
  }

  absl::Status FetchAll(const std::vector<std::string>& files) {
    std::vector<FileMetadata> metadata(files.size());
    RERANKD_RETURN_IF_ERROR(
        ForEach(files.size(), options_.parallel_downloads, stop_, [&](size_t n) -> absl::Status {
          RERANKD_ASSIGN_OR_RETURN(metadata[n], download_.AskFile(commit_, files[n]));
          return absl::OkStatus();
        }));
    // Files with the same content are one blob, which one thread fetches once.
    std::map<std::string_view, size_t> blob_of;  // by its name, the index in `blobs`
    std::vector<std::vector<size_t>> blobs;      // of each, the places in `files`
    uint64_t bytes = early_bytes_;
    uint64_t to_fetch = 0;
    for (size_t n = 0; n < files.size(); ++n) {
      const FileMetadata& file = metadata[n];
      const auto [blob, is_new] = blob_of.emplace(file.etag, blobs.size());
      if (is_new) blobs.emplace_back();
      blobs[blob->second].push_back(n);
      if (!is_new) continue;
      const uint64_t size = file.size.value_or(0);
      bytes += size;
      if (bytes < size)
        return absl::FailedPreconditionError("the sizes that the hub says are absurd");
      if (download_.HasBlob(file)) continue;
      std::error_code error;
      const uintmax_t there = fs::file_size(layout_.Incomplete(file.etag), error);
      to_fetch += size - (error ? 0 : std::min<uintmax_t>(size, there));
    }
    if (files.size() + early_files_ == 0) return absl::OkStatus();
    progress_.Plan(bytes, files.size() + early_files_);
    RERANKD_RETURN_IF_ERROR(MakeFolder(layout_.Folder()));
    RERANKD_RETURN_IF_ERROR(CheckSpace(layout_.Folder(), to_fetch));
    return ForEach(blobs.size(), options_.parallel_downloads, stop_,
                   [&](size_t blob) { return FetchBlob(blobs[blob], files, metadata); });
  }

  // One blob and the links of all files, the `places` in `files`, that have it.
  absl::Status FetchBlob(const std::vector<size_t>& places, const std::vector<std::string>& files,
                         const std::vector<FileMetadata>& metadata) {
    const FileMetadata& blob = metadata[places.front()];
    RERANKD_RETURN_IF_ERROR(download_.Fetch(commit_, files[places.front()], blob));
    for (size_t n = 1; n < places.size(); ++n) {
      RERANKD_RETURN_IF_ERROR(download_.Link(commit_, files[places[n]], blob.etag));
    }
    return absl::OkStatus();
  }

  // Only now, so that a revision never leads to a folder that is not whole while an older one was.
  absl::Status Remember(const RepoListing& listing, bool fetched) {
    for (const std::string_view file : WellKnownFiles()) {
      if (std::ranges::find(listing.files, file) == listing.files.end()) {
        (void)WriteWhole(layout_.NoExist(commit_, file), "");  // only saves a question later
      }
    }
    if (id_.revision == commit_) return absl::OkStatus();
    absl::Status written = WriteWhole(layout_.Ref(), commit_);
    // A cache that nobody can write is good enough where it has everything.
    return fetched ? written : absl::OkStatus();
  }

  const HubOptions& options_;
  const ModelId& id_;
  const CacheLayout& layout_;
  ProgressCounter& progress_;
  std::stop_source& stop_;
  Download download_;
  std::string commit_;
  // Of the files that had to be read to know which there are.
  uint64_t early_bytes_ = 0;
  size_t early_files_ = 0;
};

// Whether what the cache has may stand in for an answer: not where the hub says that there is no
// such model or that what it sent was wrong.
bool MayUseCacheAfter(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsPermissionDenied(status);
}

}  // namespace

ModelHub::ModelHub(HubOptions options)
    : options_(std::move(options)),
      owned_client_(MakeClient(options_)),
      client_(owned_client_.get()) {}

ModelHub::ModelHub(HubOptions options, HttpClient* client)
    : options_(std::move(options)), client_(client) {}

ModelHub::~ModelHub() = default;

absl::StatusOr<fs::path> ModelHub::Resolve(const ModelId& id, const HubObserver& observer,
                                           const std::stop_token& stop) {
  const CacheLayout layout(options_.cache_dir, id);
  const CachedModel cached(id, layout);
  if (IsCommit(id.revision)) {
    if (std::optional<fs::path> folder = cached.WholeFolder(); folder.has_value()) return *folder;
  }
  absl::StatusOr<fs::path> in_cache = cached.Folder();
  if (options_.offline) {
    if (in_cache.ok()) return in_cache;
    return absl::NotFoundError(
        fmt::format("{} is not in the cache, and the hub may not be asked (HF_HUB_OFFLINE): {}",
                    ToString(id), std::string(in_cache.status().message())));
  }
  ProgressCounter progress(observer);
  std::stop_source stop_all;
  const std::stop_callback stop_with_caller(stop, [&] { stop_all.request_stop(); });
  Pull pull(options_, *client_, id, layout, progress, stop_all);
  // With something to fall back on, a start does not wait long for a hub that is down.
  absl::StatusOr<fs::path> folder = pull.Run(in_cache.ok() ? 1 : options_.retry.max_attempts);
  if (folder.ok()) return folder;
  const std::string message(folder.status().message());
  if (in_cache.ok() && MayUseCacheAfter(folder.status()) && !stop.stop_requested()) {
    progress.Say(fmt::format("using what the cache has of {}: {}", ToString(id), message));
    return in_cache;
  }
  return absl::Status(folder.status().code(),
                      fmt::format("cannot fetch {}: {}", ToString(id), message));
}

}  // namespace rerankd
