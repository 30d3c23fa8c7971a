#include "hub/download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <random>
#include <utility>

#include "absl/time/clock.h"
#include "http/asked_delay.h"
#include "http/url.h"
#include "hub/cache_files.h"
#include "hub/content_hash.h"
#include "hub/file_lock.h"
#include "hub/pause.h"
#include "hub/retry_policy.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr int kMaxRedirects = 10;
// A file whose size the hub does not tell; such files are small.
constexpr uint64_t kMaxUnknownBytes = uint64_t{256} << 20;

double Random() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

uint64_t SizeOf(const std::filesystem::path& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

absl::Status Cancelled() { return absl::CancelledError("cancelled"); }

}  // namespace

void ProgressCounter::Plan(uint64_t bytes, size_t files) {
  const MutexLock lock(mutex_);
  progress_.total_bytes = bytes;
  progress_.total_files = files;
  planned_ = true;
  Tell();
}

void ProgressCounter::Reuse(uint64_t bytes) {
  const MutexLock lock(mutex_);
  progress_.done_bytes += bytes;
  progress_.reused_bytes += bytes;
  Tell();
}

void ProgressCounter::Advance(int64_t bytes) {
  const MutexLock lock(mutex_);
  progress_.done_bytes += static_cast<uint64_t>(bytes);  // wraps around, as it should
  Tell();
}

void ProgressCounter::FinishFile() {
  const MutexLock lock(mutex_);
  ++progress_.done_files;
  Tell();
}

void ProgressCounter::Say(const std::string& message) {
  const MutexLock lock(mutex_);
  if (observer_.on_message) observer_.on_message(message);
}

void ProgressCounter::Tell() {
  if (planned_ && observer_.on_progress) observer_.on_progress(progress_);
}

// Appends the body of an answer to a file that holds the beginning of it, or all of it to an empty
// one.
class Download::BodyWriter {
 public:
  BodyWriter(std::filesystem::path path, std::optional<uint64_t> size, ProgressCounter& progress)
      : path_(std::move(path)), size_(size), progress_(progress) {}
  ~BodyWriter() {
    if (fd_ >= 0) close(fd_);
  }
  BodyWriter(const BodyWriter&) = delete;
  BodyWriter& operator=(const BodyWriter&) = delete;

  absl::Status Open() {
    fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd_ < 0) return CacheError(path_, "cannot be opened", errno);
    struct stat info{};
    if (fstat(fd_, &info) != 0) return CacheError(path_, "cannot be read", errno);
    there_ = static_cast<uint64_t>(info.st_size);
    return size_.has_value() && there_ > *size_ ? Restart() : absl::OkStatus();
  }

  // Forgets what is there.
  absl::Status Restart() {
    if (ftruncate(fd_, 0) != 0) return CacheError(path_, "cannot be written", errno);
    progress_.Advance(-static_cast<int64_t>(there_));
    there_ = 0;
    return absl::OkStatus();
  }

  absl::Status Write(const HttpResponse& head, std::string_view piece) {
    if (!std::exchange(begun_, true)) RERANKD_RETURN_IF_ERROR(Begin(head));
    if (there_ + piece.size() > size_.value_or(kMaxUnknownBytes)) {
      return absl::DataLossError(fmt::format("the hub sends more than the {} bytes it announced",
                                             size_.value_or(kMaxUnknownBytes)));
    }
    while (!piece.empty()) {
      const ssize_t n = pwrite(fd_, piece.data(), piece.size(), static_cast<off_t>(there_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return CacheError(path_, "cannot be written", errno);
      there_ += static_cast<uint64_t>(n);
      piece.remove_prefix(static_cast<size_t>(n));
      progress_.Advance(n);
      progressed_ = true;
    }
    return absl::OkStatus();
  }

  // To the disk itself: the name that the file gets next promises its content, also after a power
  // cut.
  absl::Status Sync() const {
    return fsync(fd_) == 0 ? absl::OkStatus() : CacheError(path_, "cannot be written", errno);
  }

  uint64_t there() const { return there_; }
  bool progressed() const { return progressed_; }

 private:
  // An answer has to continue what is there, or to begin at the beginning.
  absl::Status Begin(const HttpResponse& head) {
    constexpr int kPartialContent = 206;
    if (head.status != kPartialContent) return there_ > 0 ? Restart() : absl::OkStatus();
    const auto range = ParseContentRange(head.Header("Content-Range").value_or(""));
    if (range.has_value() && range->first == there_ &&
        (!range->total.has_value() || !size_.has_value() || *range->total == *size_)) {
      return absl::OkStatus();
    }
    RERANKD_RETURN_IF_ERROR(Restart());
    return absl::UnavailableError("the answer is another part of the file than was asked for");
  }

  const std::filesystem::path path_;
  const std::optional<uint64_t> size_;
  ProgressCounter& progress_;
  int fd_ = -1;
  uint64_t there_ = 0;
  bool begun_ = false;
  bool progressed_ = false;
};

Download::Download(const HubOptions& options, HttpClient& client, const ModelId& id,
                   const CacheLayout& layout, ProgressCounter& progress, std::stop_token stop)
    : options_(options),
      client_(client),
      id_(id),
      layout_(layout),
      progress_(progress),
      stop_(std::move(stop)) {}

Download::Attempt Download::Failed(absl::Status status) const {
  const bool transient = IsTransient(status);
  return {.status = std::move(status), .transient = transient};
}

Download::Attempt Download::Failed(const HttpResponse& response, std::string_view file) const {
  return {.status = HubError(response, options_, id_, file),
          .transient = IsTransient(response.status),
          .asked = AskedDelay(response, absl::Now())};
}

absl::Status Download::WithRetries(std::string_view what, int max_attempts,
                                   const std::function<Attempt()>& attempt) {
  RetryPolicy policy = options_.retry;
  policy.max_attempts = std::min(policy.max_attempts, max_attempts);
  int failed = 0;
  while (!stop_.stop_requested()) {
    const Attempt result = attempt();
    if (result.status.ok() || !result.transient) return result.status;
    failed = result.progressed ? 1 : failed + 1;
    const auto delay = NextDelay(policy, failed, result.asked, Random());
    const std::string message(result.status.message());
    if (!delay.has_value()) {
      if (!result.asked.has_value()) return result.status;
      return absl::Status(
          result.status.code(),
          fmt::format("{}; it asks to wait {} s", message,
                      std::chrono::ceil<std::chrono::seconds>(*result.asked).count()));
    }
    progress_.Say(fmt::format("{}: {}; trying again in {:.1f} s", what, message,
                              std::chrono::duration<double>(*delay).count()));
    Pause(*delay, stop_);
  }
  return Cancelled();
}

absl::StatusOr<HttpResponse> Download::Send(HttpRequest request, const HttpBodySink& sink,
                                            bool until_metadata) {
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    RERANKD_ASSIGN_OR_RETURN(HttpResponse response, client_.Send(request, sink, stop_));
    if (!IsRedirect(response.status) || (until_metadata && HasFileMetadata(response))) {
      return response;
    }
    RERANKD_ASSIGN_OR_RETURN(request, Redirected(std::move(request), response));
  }
  return absl::FailedPreconditionError(
      fmt::format("{} redirects more than {} times", options_.endpoint, kMaxRedirects));
}

absl::StatusOr<RepoListing> Download::AskListing(int max_attempts) {
  absl::StatusOr<RepoListing> listing = Cancelled();
  RERANKD_RETURN_IF_ERROR(WithRetries("looking the model up", max_attempts, [&]() -> Attempt {
    absl::StatusOr<HttpResponse> response =
        Send(ListingRequest(options_, id_), nullptr, /*until_metadata=*/false);
    if (!response.ok()) return Failed(std::move(response).status());
    if (response->status != 200) return Failed(*response, "");
    listing = ParseListing(response->body);
    return Failed(listing.status());
  }));
  return listing;
}

absl::StatusOr<FileMetadata> Download::AskFile(std::string_view commit, const std::string& file) {
  absl::StatusOr<FileMetadata> metadata = Cancelled();
  HttpRequest request = FileRequest(options_, id_.repo, commit, file);
  request.method = "HEAD";
  RERANKD_RETURN_IF_ERROR(WithRetries(file, options_.retry.max_attempts, [&]() -> Attempt {
    absl::StatusOr<HttpResponse> response = Send(request, nullptr, /*until_metadata=*/true);
    if (!response.ok()) return Failed(std::move(response).status());
    if (response->status >= 400) return Failed(*response, file);
    metadata = ParseFileMetadata(*response, commit);
    return Failed(metadata.status());
  }));
  return metadata;
}

bool Download::HasBlob(const FileMetadata& metadata) const {
  const std::filesystem::path blob = layout_.Blob(metadata.etag);
  std::error_code error;
  if (!std::filesystem::is_regular_file(blob, error)) return false;
  return !metadata.size.has_value() || SizeOf(blob) == *metadata.size;
}

absl::Status Download::Fetch(std::string_view commit, const std::string& file,
                             const FileMetadata& metadata) {
  if (HasBlob(metadata)) {
    progress_.Advance(static_cast<int64_t>(metadata.size.value_or(0)));
  } else {
    RERANKD_RETURN_IF_ERROR(FetchBlob(commit, file, metadata));
  }
  return Link(commit, file, metadata.etag);
}

absl::Status Download::Link(std::string_view commit, const std::string& file,
                            std::string_view etag) {
  progress_.FinishFile();
  return MakeLink(CacheLayout::LinkTarget(file, etag), layout_.Snapshot(commit) / file);
}

absl::Status Download::FetchBlob(std::string_view commit, const std::string& file,
                                 const FileMetadata& metadata) {
  const auto on_wait = [&] {
    progress_.Say(fmt::format("{}: waiting for whoever else is fetching it", file));
  };
  RERANKD_ASSIGN_OR_RETURN(const FileLock lock,
                           FileLock::Acquire(layout_.Lock(metadata.etag), on_wait, stop_));
  if (HasBlob(metadata)) {  // the other process has it
    progress_.Advance(static_cast<int64_t>(metadata.size.value_or(0)));
    return absl::OkStatus();
  }
  const std::filesystem::path incomplete = layout_.Incomplete(metadata.etag);
  RERANKD_RETURN_IF_ERROR(MakeFolder(incomplete.parent_path()));
  bool reused = SizeOf(incomplete) > 0;
  if (reused) progress_.Reuse(SizeOf(incomplete));
  while (true) {
    RERANKD_RETURN_IF_ERROR(WithRetries(file, options_.retry.max_attempts,
                                        [&] { return FetchRest(commit, file, metadata); }));
    absl::Status verified = Verify(file, metadata);
    if (verified.ok()) break;
    if (!absl::IsDataLoss(verified)) return verified;
    progress_.Advance(-static_cast<int64_t>(SizeOf(incomplete)));
    std::error_code ignored;
    std::filesystem::remove(incomplete, ignored);
    // What was left of an earlier download may be what is wrong.
    if (!std::exchange(reused, false)) return verified;
    progress_.Say(fmt::format("{}; fetching all of it again", std::string(verified.message())));
  }
  std::error_code error;
  std::filesystem::rename(incomplete, layout_.Blob(metadata.etag), error);
  return error ? CacheError(layout_.Blob(metadata.etag), "cannot be written", error.value())
               : absl::OkStatus();
}

Download::Attempt Download::FetchRest(std::string_view commit, const std::string& file,
                                      const FileMetadata& metadata) {
  constexpr int kRangeNotSatisfiable = 416;
  BodyWriter writer(layout_.Incomplete(metadata.etag), metadata.size, progress_);
  if (absl::Status opened = writer.Open(); !opened.ok()) return Failed(std::move(opened));
  if (writer.there() == metadata.size) return {.status = writer.Sync()};
  HttpRequest request = FileRequest(options_, id_.repo, commit, file);
  request.max_body_bytes = std::numeric_limits<size_t>::max();  // the writer has the bound
  if (writer.there() > 0) {
    request.headers.emplace_back("Range", fmt::format("bytes={}-", writer.there()));
  }
  const absl::StatusOr<HttpResponse> response = Send(
      std::move(request),
      [&](const HttpResponse& head, std::string_view piece) { return writer.Write(head, piece); },
      /*until_metadata=*/false);
  Attempt attempt = {.status = absl::OkStatus()};
  if (!response.ok()) {
    attempt = Failed(response.status());
  } else if (response->status == kRangeNotSatisfiable && writer.there() > 0) {
    attempt = Failed(writer.Restart());
    if (attempt.status.ok()) attempt = Failed(absl::UnavailableError("there is no such range"));
  } else if (response->status >= 300) {
    attempt = Failed(*response, file);
  } else if (metadata.size.has_value() && writer.there() < *metadata.size) {
    attempt = Failed(absl::UnavailableError(
        fmt::format("the connection ended after {} of {} bytes", writer.there(), *metadata.size)));
  } else {
    attempt = Failed(writer.Sync());
  }
  attempt.progressed = writer.progressed();
  return attempt;
}

absl::Status Download::Verify(const std::string& file, const FileMetadata& metadata) const {
  RERANKD_ASSIGN_OR_RETURN(const std::string hash,
                           HashLike(metadata.etag, layout_.Incomplete(metadata.etag), stop_));
  if (hash == metadata.etag) return absl::OkStatus();
  return absl::DataLossError(
      fmt::format("{}: the bytes that came hash to {}, but the hub says {}; they were thrown away, "
                  "since a proxy, a mirror "
                  "or the disk has changed them",
                  file, hash, metadata.etag));
}

}  // namespace rerankd
