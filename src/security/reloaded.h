// What is made of files, and made again when they change.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/mutex.h"

namespace rerankd {

// Hears of every change that was noticed: OK, the new one is in use from here on; an error, why the
// last one stays. An error that stays the same is told once. Must be safe for concurrent use.
using ReloadListener = std::function<void(const absl::Status&)>;

// A T made of files. They are looked at by Get(), once a second at most, so that no thread and no
// timer is needed; what cannot be made of them (they are half written, of two generations, gone)
// leaves the last T in use and is tried again with each look, since what was wrong may be the time
// of day or who may read a file. A file is another one when another inode is behind its name (a
// rename, a Kubernetes secret's link that points elsewhere now) or its size or time changed. Safe
// for concurrent use; Load runs without a lock.
template <typename T>
class Reloaded {
 public:
  using Load = std::function<absl::StatusOr<T>(TimePoint now)>;

  static constexpr std::chrono::seconds kInterval{1};

  // Makes the first one; its error is Load's.
  static absl::StatusOr<std::unique_ptr<Reloaded>> Open(std::vector<std::filesystem::path> files,
                                                        Load load, ReloadListener listener,
                                                        TimePoint now) {
    std::unique_ptr<Reloaded> out(
        new Reloaded(std::move(files), std::move(load), std::move(listener)));
    // Before they are read: a change in between is then noticed by the next look.
    std::vector<Identity> identities = out->Identify();
    absl::StatusOr<T> first = out->load_(now);
    if (!first.ok()) return std::move(first).status();
    const MutexLock lock(out->mutex_);
    out->current_ = std::make_shared<const T>(*std::move(first));
    out->seen_ = std::move(identities);
    out->next_look_ = now + kInterval;
    return out;
  }

  std::shared_ptr<const T> Get(TimePoint now) RERANKD_EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      if (now < next_look_) return current_;
      next_look_ = now + kInterval;
    }
    std::vector<Identity> identities = Identify();
    {
      const MutexLock lock(mutex_);
      if (identities == seen_) {
        last_error_.clear();
        return current_;
      }
    }
    absl::StatusOr<T> next = load_(now);
    const absl::Status status = next.status();
    std::shared_ptr<const T> made;
    if (status.ok()) made = std::make_shared<const T>(*std::move(next));
    bool is_news = true;
    std::shared_ptr<const T> current;
    {
      const MutexLock lock(mutex_);
      if (status.ok()) seen_ = std::move(identities);
      if (made != nullptr) current_ = std::move(made);
      std::string error(status.message());
      is_news = status.ok() || error != last_error_;
      last_error_ = std::move(error);
      current = current_;
    }
    if (is_news && listener_) listener_(status);
    return current;
  }

 private:
  using Identity = std::optional<FileIdentity>;

  Reloaded(std::vector<std::filesystem::path> files, Load load, ReloadListener listener)
      : files_(std::move(files)), load_(std::move(load)), listener_(std::move(listener)) {}

  std::vector<Identity> Identify() const {
    std::vector<Identity> identities;
    for (const std::filesystem::path& file : files_) {
      const absl::StatusOr<FileIdentity> identity = IdentifyFile(file);
      identities.push_back(identity.ok() ? Identity(*identity) : std::nullopt);
    }
    return identities;
  }

  const std::vector<std::filesystem::path> files_;
  const Load load_;
  const ReloadListener listener_;
  Mutex mutex_;
  std::shared_ptr<const T> current_ RERANKD_GUARDED_BY(mutex_);
  std::vector<Identity> seen_ RERANKD_GUARDED_BY(mutex_);
  TimePoint next_look_ RERANKD_GUARDED_BY(mutex_);
  std::string last_error_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace rerankd
