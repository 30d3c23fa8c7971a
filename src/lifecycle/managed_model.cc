// One lock guards the state; the worker thread is the only one that changes which model is there.
//
// A call holds leases on the instance that it went to: one while it is inside Rerank(), one until
// it is answered. An instance that calls no longer go to (`retired_`) ends when its last lease is
// given back, on the worker, which may block. Commands wait for that: so there are never more than
// two instances, and an unload is complete before the next load begins.
//
// The two threads have nobody to pass an exception on to. What they need memory for is there when a
// call or command is taken, and fails there; the rest, and whoever they call, runs in Tell() or
// WithoutThrowing().
#include "lifecycle/managed_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "core/errors.h"
#include "lifecycle/waiting_calls.h"
#include "util/memory.h"
#include "util/mutex.h"
#include "util/no_throw.h"

namespace rerankd {
namespace {

using std::chrono::steady_clock;

absl::Status Stopping() {
  return WithReason(absl::UnavailableError("this server is stopping; send the call to another one"),
                    "DRAINING");
}

// Ends a call or a command, of somebody who may throw, with the status that `make` makes, for which
// there may be no memory.
template <typename Finish, typename MakeStatus>
void Tell(Finish& finish, const MakeStatus& make) {
  absl::Status status = WithoutThrowing([&]() -> absl::Status { return make(); });
  (void)WithoutThrowing([&] {
    std::move(finish)(std::move(status));
    return absl::OkStatus();
  });
}

// A completion that several may try to run.
class Once {
 public:
  explicit Once(Reranker::Done done) : done_(std::move(done)) {}
  void Run(absl::StatusOr<RerankResult> result) {
    if (!ran_.exchange(true)) std::move(done_)(std::move(result));
  }

 private:
  std::atomic<bool> ran_{false};
  Reranker::Done done_;
};

}  // namespace

class ManagedModel::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Options options, Loader loader)
      : options_(std::move(options)),
        loader_(std::move(loader)),
        waiting_(options_.max_waiting_documents),
        info_(options_.info) {
    commands_.reserve(options_.max_commands + 1);
  }

  void Rerank(RerankRequest request, Done done) RERANKD_EXCLUDES(mutex_);

  enum class Command { kLoad, kReload, kUnload };
  void Enqueue(Command command, Finished finished) RERANKD_EXCLUDES(mutex_);

  const std::string& name() const { return options_.info.name; }
  ModelStatus status() const RERANKD_EXCLUDES(mutex_);
  void Observe(std::function<void()> observer) RERANKD_EXCLUDES(mutex_);

  void KeepLoop() RERANKD_EXCLUDES(mutex_);
  void WorkLoop() RERANKD_EXCLUDES(mutex_);
  // Both loops end, and all that waits is answered.
  void Close() RERANKD_EXCLUDES(mutex_);
  // Ends what is there. REQUIRES: both loops have ended.
  void EndModels() RERANKD_EXCLUDES(mutex_);

 private:
  struct Instance {
    std::shared_ptr<Reranker> reranker;
    std::shared_ptr<Availability> availability;
    // Guarded by mutex_.
    size_t leases = 0;
    TimePoint last_used;
  };

  // Keeps an instance from ending.
  class Lease {
   public:
    Lease() = default;
    Lease(std::shared_ptr<Impl> owner, std::shared_ptr<Instance> instance)
        : owner_(std::move(owner)), instance_(std::move(instance)) {
      ++instance_->leases;
    }
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() { Release(); }

    Reranker& reranker() const { return *instance_->reranker; }
    void Release() {
      if (instance_ == nullptr) return;
      owner_->GiveBack(*instance_);
      instance_.reset();
    }

   private:
    std::shared_ptr<Impl> owner_;
    std::shared_ptr<Instance> instance_;
  };
  // What a call holds while it is inside Rerank(), and until it is answered.
  struct Leases {
    Lease inside;
    Lease unanswered;
  };

  struct Queued {
    Command command = Command::kUnload;
    std::stop_source stop{std::nostopstate};  // of a load
    std::vector<Finished> finished;
  };

  // What the worker does next, outside the lock.
  struct Step {
    enum class Kind { kStop, kFree, kLoad, kFinish };
    Kind kind = Kind::kStop;
    std::shared_ptr<Instance> instance;  // kFree
    std::stop_token stop;                // kLoad
    std::vector<Finished> finished;      // kFinish, with OK
  };

  // Takes the command, unless it is refused, and tells which load is not wanted any more.
  absl::Status TryEnqueue(Command command, Finished& finished,
                          std::optional<std::stop_source>& obsolete) RERANKD_EXCLUDES(mutex_);
  // Commands that somebody waits for.
  size_t Unfinished() const RERANKD_REQUIRES(mutex_);

  Leases TakeLeases() RERANKD_REQUIRES(mutex_);
  void GiveBack(Instance& instance) RERANKD_EXCLUDES(mutex_);
  static void Start(Leases leases, RerankRequest request, Done done);
  void StartWaiting(WaitingCalls::Call& call) RERANKD_EXCLUDES(mutex_);

  bool LoadPending() const RERANKD_REQUIRES(mutex_);
  // OK: a call may wait for the model to be loaded.
  absl::Status MayWait(TimePoint now) const RERANKD_REQUIRES(mutex_);
  absl::Status Failed(const absl::Status& error) const;
  absl::Status NotLoaded() const;

  Step NextStep() RERANKD_EXCLUDES(mutex_);
  // The next step that can be made now, if any.
  bool TakeStep(Step& step) RERANKD_REQUIRES(mutex_);
  TimePoint IdleUntil() const RERANKD_REQUIRES(mutex_);
  void Free(Instance& instance) RERANKD_EXCLUDES(mutex_);
  void RunLoader(const std::stop_token& stop) RERANKD_EXCLUDES(mutex_);
  void Changed() RERANKD_EXCLUDES(mutex_);

  const Options options_;
  const Loader loader_;

  mutable Mutex mutex_;
  CondVar keeper_wakes_;
  CondVar worker_wakes_;
  bool closed_ RERANKD_GUARDED_BY(mutex_) = false;
  WaitingCalls waiting_ RERANKD_GUARDED_BY(mutex_);
  ModelInfo info_ RERANKD_GUARDED_BY(mutex_);
  std::shared_ptr<Instance> current_ RERANKD_GUARDED_BY(mutex_);  // calls go here
  std::shared_ptr<Instance> retired_ RERANKD_GUARDED_BY(mutex_);  // answers what it has
  // Room is reserved for all that may wait: max_commands, and the load of calls that wait for it.
  std::vector<Queued> commands_ RERANKD_GUARDED_BY(mutex_);
  // The load that runs.
  bool loading_ RERANKD_GUARDED_BY(mutex_) = false;
  std::stop_source stop_load_ RERANKD_GUARDED_BY(mutex_);
  std::vector<Finished> load_finished_ RERANKD_GUARDED_BY(mutex_);
  // The unload that runs.
  bool unloading_ RERANKD_GUARDED_BY(mutex_) = false;
  std::vector<Finished> unload_finished_ RERANKD_GUARDED_BY(mutex_);
  absl::Status error_ RERANKD_GUARDED_BY(mutex_);  // of the last load
  TimePoint failed_at_ RERANKD_GUARDED_BY(mutex_);
  std::shared_ptr<const std::function<void()>> observer_ RERANKD_GUARDED_BY(mutex_);
};

// ---- calls ----

void ManagedModel::Impl::Rerank(RerankRequest request, Done done) {
  WaitingCalls::Call call{std::move(request), std::move(done), nullptr};
  WaitingCalls::Ticket ticket = 0;
  std::stop_source stop(std::nostopstate);  // of the load that it may bring about
  std::optional<Leases> leases;
  absl::Status refusal;
  while (true) {
    {
      const MutexLock lock(mutex_);
      if (closed_) {
        refusal = Stopping();
      } else if (current_ != nullptr) {
        leases.emplace(TakeLeases());
      } else {
        refusal = MayWait(steady_clock::now());
        if (refusal.ok() && call.on_cancel == nullptr) {
          ticket = waiting_.NextTicket();
        } else if (refusal.ok()) {
          const TimePoint keeper_wakes_at = waiting_.NextGone();
          refusal = waiting_.Add(ticket, call);
          if (refusal.ok()) {
            if (waiting_.NextGone() < keeper_wakes_at) keeper_wakes_.NotifyAll();
            if (!LoadPending()) {
              commands_.push_back({Command::kLoad, std::move(stop), {}});
              worker_wakes_.NotifyAll();
            }
            return;
          }
        }
      }
    }
    if (leases.has_value()) {
      Start(*std::move(leases), std::move(call.request), std::move(call.done));
      return;
    }
    if (!refusal.ok()) {
      std::move(call.done)(std::move(refusal));
      return;
    }
    // It will wait. This is made outside the lock: for a caller who is gone already it runs at
    // once.
    call.on_cancel = std::make_unique<std::stop_callback<std::function<void()>>>(
        call.request.cancelled, [this, ticket] {
          const MutexLock lock(mutex_);
          waiting_.Cancel(ticket);
          keeper_wakes_.NotifyAll();
        });
    stop = std::stop_source();
  }
}

ManagedModel::Impl::Leases ManagedModel::Impl::TakeLeases() {
  return {Lease(shared_from_this(), current_), Lease(shared_from_this(), current_)};
}

void ManagedModel::Impl::GiveBack(Instance& instance) {
  const MutexLock lock(mutex_);
  if (--instance.leases != 0) return;
  instance.last_used = steady_clock::now();
  // Not after every call: only where the worker may be waiting for just this.
  if (&instance == retired_.get() || options_.unload_after != Duration(0)) {
    worker_wakes_.NotifyAll();
  }
}

void ManagedModel::Impl::Start(Leases leases, RerankRequest request, Done done) {
  leases.inside.reranker().Rerank(
      std::move(request), [lease = std::move(leases.unanswered),
                           done = std::move(done)](absl::StatusOr<RerankResult> result) mutable {
        std::move(done)(std::move(result));
        lease.Release();
      });
}

// For the worker: `call` has waited for the model that is there now.
void ManagedModel::Impl::StartWaiting(WaitingCalls::Call& call) {
  std::shared_ptr<Once> once;
  absl::Status status = WithoutThrowing([&] {
    // Without memory for it, the completion stays where it is.
    once = std::make_shared<Once>(std::move(call.done));
    std::optional<Leases> leases;
    {
      const MutexLock lock(mutex_);
      leases.emplace(TakeLeases());
    }
    Start(*std::move(leases), std::move(call.request),
          [once](absl::StatusOr<RerankResult> result) { once->Run(std::move(result)); });
    return absl::OkStatus();
  });
  if (status.ok()) return;
  const auto finish = [&](absl::Status error) {
    if (once != nullptr) {
      once->Run(std::move(error));
    } else {
      std::move(call.done)(std::move(error));
    }
  };
  Tell(finish, [&] { return status; });
}

bool ManagedModel::Impl::LoadPending() const {
  return loading_ || std::ranges::any_of(commands_, [](const Queued& queued) {
           return queued.command != Command::kUnload;
         });
}

absl::Status ManagedModel::Impl::MayWait(TimePoint now) const {
  if (LoadPending()) return absl::OkStatus();
  if (!error_.ok() && (!options_.on_demand || now < failed_at_ + options_.retry_after)) {
    return Failed(error_);
  }
  return options_.on_demand ? absl::OkStatus() : NotLoaded();
}

absl::Status ManagedModel::Impl::Failed(const absl::Status& error) const {
  // What may be over soon stays so; the rest somebody has to mend.
  const absl::StatusCode code = error.code() == absl::StatusCode::kUnavailable
                                    ? absl::StatusCode::kUnavailable
                                    : absl::StatusCode::kFailedPrecondition;
  return WithReason(absl::Status(code, fmt::format("model \"{}\" could not be loaded: {}", name(),
                                                   std::string(error.message()))),
                    "MODEL_FAILED");
}

absl::Status ManagedModel::Impl::NotLoaded() const {
  return WithReason(
      absl::FailedPreconditionError(fmt::format("model \"{}\" is not loaded", name())),
      "MODEL_NOT_LOADED");
}

// ---- commands ----

void ManagedModel::Impl::Enqueue(Command command, Finished finished) {
  std::optional<std::stop_source> obsolete;
  absl::Status status = WithoutThrowing([&] { return TryEnqueue(command, finished, obsolete); });
  if (!status.ok()) {
    std::move(finished)(std::move(status));
    return;
  }
  if (obsolete.has_value()) obsolete->request_stop();
}

absl::Status ManagedModel::Impl::TryEnqueue(Command command, Finished& finished,
                                            std::optional<std::stop_source>& obsolete) {
  std::stop_source stop(std::nostopstate);
  if (command != Command::kUnload) stop = std::stop_source();
  const MutexLock lock(mutex_);
  if (closed_) return Stopping();
  if (const size_t unfinished = Unfinished(); unfinished >= options_.max_commands) {
    return WithReason(
        RetryLater(fmt::format("{} commands to load or unload model \"{}\" are not finished yet; "
                               "wait until they are, then retry",
                               unfinished, name()),
                   std::chrono::seconds(1)),
        "TOO_MANY_COMMANDS");
  }
  if (command == Command::kLoad && loading_ && commands_.empty()) {
    load_finished_.push_back(std::move(finished));
    return absl::OkStatus();
  }
  // Commands of one kind in a row are one.
  if (!commands_.empty() && commands_.back().command == command) {
    commands_.back().finished.push_back(std::move(finished));
  } else {
    std::vector<Finished> only;
    only.push_back(std::move(finished));
    commands_.push_back({command, std::move(stop), std::move(only)});
  }
  if (command == Command::kUnload && loading_) obsolete = stop_load_;
  worker_wakes_.NotifyAll();
  return absl::OkStatus();
}

size_t ManagedModel::Impl::Unfinished() const {
  size_t unfinished = load_finished_.size() + unload_finished_.size();
  for (const Queued& queued : commands_) unfinished += queued.finished.size();
  return unfinished;
}

ModelStatus ManagedModel::Impl::status() const {
  const MutexLock lock(mutex_);
  ModelStatus status;
  if (current_ != nullptr) {
    status.state = ModelState::kReady;
  } else if (unloading_) {
    status.state = ModelState::kUnloading;
  } else if (LoadPending()) {
    status.state = ModelState::kLoading;
  } else if (!error_.ok()) {
    status.state = ModelState::kFailed;
  }
  status.error = std::string(error_.message());
  status.can_serve =
      current_ != nullptr || (options_.on_demand && status.state != ModelState::kFailed);
  if (current_ != nullptr && current_->availability != nullptr) {
    Availability::State own = current_->availability->state();
    status.can_serve = own.can_serve;
    if (status.error.empty()) status.error = std::move(own.problem);
  }
  status.info = info_;
  return status;
}

void ManagedModel::Impl::Observe(std::function<void()> observer) {
  auto shared = std::make_shared<const std::function<void()>>(std::move(observer));
  const MutexLock lock(mutex_);
  observer_.swap(shared);
}

void ManagedModel::Impl::Changed() {
  std::shared_ptr<const std::function<void()>> observer;
  {
    const MutexLock lock(mutex_);
    observer = observer_;
  }
  if (observer == nullptr || !*observer) return;
  (void)WithoutThrowing([&] {
    (*observer)();
    return absl::OkStatus();
  });
}

// ---- the keeper ----

void ManagedModel::Impl::KeepLoop() {
  while (true) {
    WaitingCalls::Calls gone;
    TimePoint now{};
    {
      const MutexLock lock(mutex_);
      while (!closed_) {
        now = steady_clock::now();
        gone = waiting_.TakeGone(now);
        if (!gone.empty()) break;
        keeper_wakes_.WaitUntil(mutex_, waiting_.NextGone());
      }
      if (closed_ && gone.empty()) return;
    }
    for (auto& [ticket, call] : gone) {
      Tell(call.done, [&] { return WaitingCalls::WhyGone(call, now); });
    }
  }
}

// ---- the worker ----

void ManagedModel::Impl::WorkLoop() {
  while (true) {
    Step step = NextStep();
    switch (step.kind) {
      case Step::Kind::kStop:
        return;
      case Step::Kind::kFree:
        Free(*step.instance);
        break;
      case Step::Kind::kLoad:
        Changed();
        RunLoader(step.stop);
        break;
      case Step::Kind::kFinish:
        Changed();
        break;
    }
    for (Finished& finished : step.finished) Tell(finished, [] { return absl::OkStatus(); });
  }
}

ManagedModel::Impl::Step ManagedModel::Impl::NextStep() {
  const MutexLock lock(mutex_);
  Step step;
  while (!closed_ && !TakeStep(step)) {
    // A model that has calls left to answer says when it is done.
    worker_wakes_.WaitUntil(mutex_, IdleUntil());
  }
  return step;
}

bool ManagedModel::Impl::TakeStep(Step& step) {
  if (retired_ != nullptr) {
    if (retired_->leases != 0) return false;
    step = {.kind = Step::Kind::kFree, .instance = std::move(retired_)};
    return true;
  }
  Queued queued;  // an idle model is unloaded
  if (!commands_.empty()) {
    queued = std::move(commands_.front());
    commands_.erase(commands_.begin());
  } else if (IdleUntil() > steady_clock::now()) {
    return false;
  }
  if (queued.command == Command::kUnload) {
    error_ = absl::OkStatus();
    step.kind = Step::Kind::kFinish;
    if (current_ == nullptr) {
      step.finished = std::move(queued.finished);
    } else {
      retired_ = std::move(current_);
      unloading_ = true;
      unload_finished_ = std::move(queued.finished);
    }
  } else if (queued.command == Command::kLoad && current_ != nullptr) {
    step = {.kind = Step::Kind::kFinish, .finished = std::move(queued.finished)};
  } else {
    loading_ = true;
    stop_load_ = std::move(queued.stop);
    load_finished_ = std::move(queued.finished);
    step = {.kind = Step::Kind::kLoad, .stop = stop_load_.get_token()};
  }
  return true;
}

TimePoint ManagedModel::Impl::IdleUntil() const {
  if (!options_.on_demand || options_.unload_after == Duration(0) || current_ == nullptr ||
      current_->leases != 0) {
    return kNoDeadline;
  }
  return current_->last_used + options_.unload_after;
}

void ManagedModel::Impl::Free(Instance& instance) {
  instance.reranker.reset();
  ReleaseFreedMemory();
  (void)WithoutThrowing([&] {
    if (options_.on_freed) options_.on_freed();
    return absl::OkStatus();
  });
  std::vector<Finished> finished;
  {
    const MutexLock lock(mutex_);
    unloading_ = false;
    finished.swap(unload_finished_);
  }
  Changed();
  for (Finished& one : finished) Tell(one, [] { return absl::OkStatus(); });
}

void ManagedModel::Impl::RunLoader(const std::stop_token& stop) {
  std::shared_ptr<Instance> instance;
  absl::StatusOr<Loaded> loaded = WithoutThrowing([&] {
    absl::StatusOr<Loaded> made = loader_(stop);
    if (made.ok()) instance = std::make_shared<Instance>();
    return made;
  });
  enum class Outcome { kLoaded, kFailed, kUnwanted, kClosed };
  Outcome outcome = Outcome::kLoaded;
  // Made for each who is told: they read it, and let go of it, on threads of their own.
  const auto status = [&]() -> absl::Status {
    switch (outcome) {
      case Outcome::kLoaded:
        break;
      case Outcome::kFailed:
        return Failed(loaded.status());
      case Outcome::kUnwanted:
        return NotLoaded();
      case Outcome::kClosed:
        return Stopping();
    }
    return absl::OkStatus();
  };
  std::vector<Finished> finished;
  WaitingCalls::Calls waiting;
  std::shared_ptr<Availability> availability;
  bool there = false;
  {
    const MutexLock lock(mutex_);
    loading_ = false;
    finished.swap(load_finished_);
    if (loaded.ok()) {
      retired_ = std::move(current_);
      current_ = std::move(instance);
      current_->reranker = std::move(loaded->reranker);
      current_->availability = availability = std::move(loaded->availability);
      current_->last_used = steady_clock::now();
      info_ = std::move(loaded->info);
      error_ = absl::OkStatus();
    } else if (stop.stop_requested()) {
      outcome = closed_ ? Outcome::kClosed : Outcome::kUnwanted;
    } else {
      error_ = loaded.status();
      failed_at_ = steady_clock::now();
      outcome = Outcome::kFailed;
    }
    there = current_ != nullptr;
    if (there || !LoadPending()) waiting = waiting_.TakeAll();
  }
  if (!loaded.ok()) ReleaseFreedMemory();  // of what was there before it failed
  if (availability != nullptr) {
    availability->Observe([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Changed();
    });
  }
  Changed();
  for (auto& [ticket, call] : waiting) {
    if (there) {
      StartWaiting(call);
    } else {
      Tell(call.done, status);
    }
  }
  for (Finished& one : finished) Tell(one, status);
}

// ---- the end ----

void ManagedModel::Impl::Close() {
  std::optional<std::stop_source> obsolete;
  WaitingCalls::Calls waiting;
  std::vector<Queued> commands;
  std::vector<Finished> unloads;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    if (loading_) obsolete = stop_load_;
    waiting = waiting_.TakeAll();
    commands.swap(commands_);
    unloads.swap(unload_finished_);
    keeper_wakes_.NotifyAll();
    worker_wakes_.NotifyAll();
  }
  if (obsolete.has_value()) obsolete->request_stop();
  for (auto& [ticket, call] : waiting) Tell(call.done, Stopping);
  for (Queued& queued : commands) {
    for (Finished& finished : queued.finished) Tell(finished, Stopping);
  }
  for (Finished& finished : unloads) Tell(finished, Stopping);
}

void ManagedModel::Impl::EndModels() {
  std::shared_ptr<Instance> current;
  std::shared_ptr<Instance> retired;
  {
    const MutexLock lock(mutex_);
    current.swap(current_);
    retired.swap(retired_);
  }
  // The instances themselves stay for as long as calls hold leases on them.
  if (current != nullptr) current->reranker.reset();
  if (retired != nullptr) retired->reranker.reset();
}

ManagedModel::ManagedModel(Options options, Loader loader)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(loader))),
      keeper_([impl = impl_.get()] { impl->KeepLoop(); }),
      worker_([impl = impl_.get()] { impl->WorkLoop(); }) {}

ManagedModel::~ManagedModel() {
  impl_->Close();
  keeper_.join();
  worker_.join();
  impl_->EndModels();
}

void ManagedModel::Rerank(RerankRequest request, Done done) {
  impl_->Rerank(std::move(request), std::move(done));
}
void ManagedModel::Load(Finished finished) {
  impl_->Enqueue(Impl::Command::kLoad, std::move(finished));
}
void ManagedModel::Reload(Finished finished) {
  impl_->Enqueue(Impl::Command::kReload, std::move(finished));
}
void ManagedModel::Unload(Finished finished) {
  impl_->Enqueue(Impl::Command::kUnload, std::move(finished));
}
const std::string& ManagedModel::name() const { return impl_->name(); }
ModelStatus ManagedModel::status() const { return impl_->status(); }
void ManagedModel::Observe(std::function<void()> observer) { impl_->Observe(std::move(observer)); }

}  // namespace rerankd
