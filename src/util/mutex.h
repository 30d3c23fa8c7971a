// A std::mutex that clang's thread-safety analysis can check and ThreadSanitizer can see into
// (it cannot see into a packaged absl::Mutex). Annotate every guarded member with
// RERANKD_GUARDED_BY.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define RERANKD_ATTRIBUTE(x) __attribute__((x))
#else
#define RERANKD_ATTRIBUTE(x)
#endif
#define RERANKD_GUARDED_BY(x) RERANKD_ATTRIBUTE(guarded_by(x))
#define RERANKD_REQUIRES(...) RERANKD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define RERANKD_EXCLUDES(...) RERANKD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace rerankd {

class RERANKD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void Lock() RERANKD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void Unlock() RERANKD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class RERANKD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) RERANKD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() RERANKD_ATTRIBUTE(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable over Mutex. Waits may wake spuriously: loop on the condition.
class CondVar {
 public:
  // REQUIRES: `mutex` is held; it is held again on return.
  void Wait(Mutex& mutex) RERANKD_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // Also returns once `when` has passed.
  void WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point when) RERANKD_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    // A wait "until the end of time" overflows in some libraries' conversion to a system time.
    if (when == std::chrono::steady_clock::time_point::max()) {
      condition_.wait(lock);
    } else {
      condition_.wait_until(lock, when);
    }
    lock.release();
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace rerankd
