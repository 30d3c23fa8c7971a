// The thread sleeps in curl_multi_poll() until a socket, a timer or somebody with news wakes it.
// Others only put things into the inbox: handles, transfers and timers are the thread's alone, so
// that none of libcurl's rules about threads can be broken.
#include "http/curl_async_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "http/timer_queue.h"
#include "util/mutex.h"
#include "util/no_throw.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLongestSleep{60'000};
constexpr size_t kMaxIdleHandles = 64;

absl::Status Closing() { return absl::UnavailableError("the HTTP client is closing"); }

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using MultiHandle = std::unique_ptr<CURLM, FreeMulti>;

using StopCallback = std::stop_callback<std::function<void()>>;

// What is told once how it ended, and may be cancelled before.
template <typename Ending>
struct Open {
  uint64_t id = 0;
  Ending end;
  std::stop_token stop;
  std::unique_ptr<StopCallback> on_stop;
};

struct Call : Open<AsyncHttpClient::Done> {
  std::shared_ptr<const HttpRequest> request;
  TimePoint deadline;
  std::unique_ptr<CurlTransfer> transfer;
  CurlHandle handle;  // goes before what it points to
};

struct Timer : Open<AsyncHttpClient::Tick> {
  TimePoint when;
};

// Lets go of `open` first: whoever hears of the end may stop, send and destroy as it likes.
template <typename OpenPtr, typename Result>
void End(OpenPtr open, Result result) noexcept {
  auto end = std::move(open->end);
  open.reset();
  (void)WithoutThrowing([&] {
    std::move(end)(std::move(result));
    return absl::OkStatus();
  });
}

}  // namespace

class CurlAsyncClient::Loop {
 public:
  explicit Loop(CurlAsyncClientOptions options)
      : options_(std::move(options)), multi_(curl_multi_init()) {
    idle_.reserve(kMaxIdleHandles);
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, long(options_.max_idle_connections));
    thread_ = std::jthread([this] { Run(); });
  }
  ~Loop() { Close(); }
  void Close() {
    {
      const MutexLock lock(mutex_);
      inbox_.closing = true;
    }
    curl_multi_wakeup(multi_.get());
    if (thread_.joinable()) thread_.join();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  template <typename OneOpen>
  void Enter(std::unique_ptr<OneOpen> open) {
    open->id = next_id_.fetch_add(1, std::memory_order_relaxed);
    // For a token that is stopped already this runs here, and the thread finds the token stopped.
    open->on_stop = std::make_unique<StopCallback>(open->stop, [this, id = open->id] {
      Put([&](Inbox& inbox) { inbox.stopped.push_back(id); });
    });
    if (!Put([&](Inbox& inbox) { inbox.Add(std::move(open)); })) End(std::move(open), Closing());
  }

 private:
  struct Inbox {
    void Add(std::unique_ptr<Call> call) { calls.push_back(std::move(call)); }
    void Add(std::unique_ptr<Timer> timer) { timers.push_back(std::move(timer)); }
    bool empty() const { return calls.empty() && timers.empty() && stopped.empty(); }

    std::vector<std::unique_ptr<Call>> calls;
    std::vector<std::unique_ptr<Timer>> timers;
    std::vector<uint64_t> stopped;
    bool closing = false;
  };

  using Calls = std::unordered_map<uint64_t, std::unique_ptr<Call>>;

  // False: there is nobody any more to read it.
  template <typename Change>
  bool Put(Change change) RERANKD_EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      if (closed_) return false;
      const bool first = inbox_.empty();
      change(inbox_);
      if (!first) return true;  // the thread has been woken for what was there
    }
    curl_multi_wakeup(multi_.get());
    return true;
  }

  Inbox TakeInbox() RERANKD_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    Inbox taken = std::exchange(inbox_, Inbox());
    inbox_.closing = taken.closing;
    return taken;
  }

  void Run() {
    while (true) {
      Inbox inbox = TakeInbox();
      for (auto& call : inbox.calls) Start(std::move(call));
      for (auto& timer : inbox.timers) Start(std::move(timer));
      for (const uint64_t id : inbox.stopped) Stop(id);
      while (const auto late = deadlines_.TakeDue(steady_clock::now())) {
        End(BreakOff(calls_.find(*late)), absl::DeadlineExceededError("no answer in time"));
      }
      while (const auto late = unsent_.TakeDue(steady_clock::now())) EndUnlessSent(*late);
      while (auto due = timers_.TakeDue(steady_clock::now())) {
        End(*std::move(due), absl::OkStatus());
      }
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      TakeFinished();
      if (inbox.closing) {
        EndAll();
        // What ends may begin something new, which is then in the inbox.
        const MutexLock lock(mutex_);
        closed_ = inbox_.empty();
        if (closed_) return;
        continue;
      }
      Sleep();
    }
  }

  void Start(std::unique_ptr<Call> call) {
    if (call->stop.stop_requested()) return End(std::move(call), absl::CancelledError("cancelled"));
    if (call->deadline <= steady_clock::now()) {
      return End(std::move(call), absl::DeadlineExceededError("no time left for the request"));
    }
    const uint64_t id = call->id;
    absl::Status status = WithoutThrowing([&] {
      calls_.try_emplace(id);
      deadlines_.Add(call->deadline, id, uint64_t{id});
      if (const milliseconds most = call->request->connect_timeout; most.count() > 0) {
        unsent_.Add(steady_clock::now() + most, id, uint64_t{id});
      }
      return Begin(*call);
    });
    if (status.ok()) {
      calls_[id] = std::move(call);
    } else {
      calls_.erase(id);
      deadlines_.Remove(id);
      unsent_.Remove(id);
      End(std::move(call), std::move(status));
    }
  }

  absl::Status Begin(Call& call) {
    auto transfer = CurlTransfer::Make(*call.request, no_sink_);
    if (!transfer.ok()) return transfer.status();
    call.transfer = *std::move(transfer);
    call.handle = TakeHandle();
    CURL* const handle = call.handle.get();
    if (handle == nullptr) return absl::ResourceExhaustedError("out of memory");
    call.transfer->Prepare(handle, options_.http);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, &call);
    curl_easy_setopt(
        handle, CURLOPT_HTTP_VERSION,
        long{call.transfer->encrypted() ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1});
    // A burst waits until the first handshake tells whether one connection takes all of it. Without
    // TLS it would wait for the first answer, which then says no.
    curl_easy_setopt(handle, CURLOPT_PIPEWAIT, long{call.transfer->encrypted()});
    curl_easy_setopt(handle, CURLOPT_MAXAGE_CONN, long{options_.max_idle.count()});
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPIDLE, 60L);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPINTVL, 30L);
    // Ending a transfer that still resolves its host would else wait for the resolver, and
    // everything else with it.
    curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
    // Of each transfer; libcurl's own choice is four times that.
    curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 16L << 10);
    const CURLMcode code = curl_multi_add_handle(multi_.get(), handle);
    return code == CURLM_OK ? absl::OkStatus() : absl::InternalError(curl_multi_strerror(code));
  }

  void Start(std::unique_ptr<Timer> timer) {
    if (timer->stop.stop_requested()) {
      return End(std::move(timer), absl::CancelledError("cancelled"));
    }
    absl::Status status = WithoutThrowing([&] {
      timers_.Add(timer->when, timer->id, std::move(timer));
      return absl::OkStatus();
    });
    if (!status.ok()) End(std::move(timer), std::move(status));
  }

  void Stop(uint64_t id) {
    if (const auto found = calls_.find(id); found != calls_.end()) {
      End(BreakOff(found), absl::CancelledError("cancelled"));
    } else if (auto timer = timers_.Remove(id)) {
      End(*std::move(timer), absl::CancelledError("cancelled"));
    }
  }

  // libcurl bounds the time of a handshake, but not how long a transfer waits for that of another
  // (PIPEWAIT): those behind a host that never answers would get their turn one after the other.
  void EndUnlessSent(uint64_t id) {
    const auto at = calls_.find(id);
    if (CurlTransfer::HasBegun(at->second->handle.get())) return;
    absl::Status status = WithoutThrowing([&] { return at->second->transfer->NoConnection(); });
    End(Withdraw(at), std::move(status));
  }

  void TakeFinished() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Call* call = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
      EndTransfer(calls_.find(call->id), code);  // from here on `message` is gone
    }
  }

  // As libcurl says that it ended.
  void EndTransfer(Calls::iterator at, CURLcode code) {
    Call& call = *at->second;
    absl::StatusOr<HttpResponse> result =
        WithoutThrowing([&] { return call.transfer->Finish(call.handle.get(), code); });
    End(Withdraw(at), std::move(result));
  }

  // Which connection a transfer uses.
  struct Route {
    std::string remote;
    long remote_port = 0;
    long local_port = 0;  // 0: none yet

    bool operator==(const Route&) const = default;
  };
  static Route RouteOf(CURL* handle) {
    Route route;
    char* remote = nullptr;
    curl_easy_getinfo(handle, CURLINFO_PRIMARY_IP, &remote);
    curl_easy_getinfo(handle, CURLINFO_PRIMARY_PORT, &route.remote_port);
    curl_easy_getinfo(handle, CURLINFO_LOCAL_PORT, &route.local_port);
    if (remote != nullptr) route.remote = remote;
    return route;
  }

  // Takes a transfer away before its end, so that the server sees it at once. Of HTTP/2 this
  // libcurl only notes that the stream is to be reset, and says so with the next bytes it sends.
  // Another transfer of the connection makes it send by a pause of no length; where there is none,
  // the connection is closed, as one of HTTP/1.1 always is.
  std::unique_ptr<Call> BreakOff(Calls::iterator at) {
    CURL* const handle = at->second->handle.get();
    Call* neighbour = nullptr;
    (void)WithoutThrowing([&] {
      const Route route = RouteOf(handle);
      if (route.local_port == 0) return absl::OkStatus();
      for (const auto& [id, call] : calls_) {
        if (call->handle.get() == handle || RouteOf(call->handle.get()) != route) continue;
        neighbour = call.get();
        break;
      }
      return absl::OkStatus();
    });
    if (neighbour == nullptr) curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
    std::unique_ptr<Call> call = Withdraw(at);
    if (neighbour != nullptr) {
      // A pause that is refused is none. One that does not end would keep it waiting for ever.
      curl_easy_pause(neighbour->handle.get(), CURLPAUSE_RECV);
      const CURLcode code = curl_easy_pause(neighbour->handle.get(), CURLPAUSE_CONT);
      if (code != CURLE_OK) EndTransfer(calls_.find(neighbour->id), code);
    }
    return call;
  }

  std::unique_ptr<Call> Withdraw(Calls::iterator at) {
    std::unique_ptr<Call> call = std::move(at->second);
    calls_.erase(at);
    deadlines_.Remove(call->id);
    unsent_.Remove(call->id);
    curl_multi_remove_handle(multi_.get(), call->handle.get());
    curl_easy_reset(call->handle.get());
    if (idle_.size() < kMaxIdleHandles) idle_.push_back(std::move(call->handle));
    call->handle.reset();
    return call;
  }

  void EndAll() {
    while (!calls_.empty()) End(BreakOff(calls_.begin()), Closing());
    while (auto timer = timers_.TakeAny()) End(*std::move(timer), Closing());
  }

  CurlHandle TakeHandle() {
    if (idle_.empty()) return CurlHandle(curl_easy_init());
    CurlHandle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }

  void Sleep() {
    const TimePoint next = std::min({timers_.Next(), deadlines_.Next(), unsent_.Next()});
    milliseconds most = kLongestSleep;
    if (next != kNoDeadline) {
      most = std::clamp(std::chrono::ceil<milliseconds>(next - steady_clock::now()),
                        milliseconds(0), most);
    }
    if (curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(most.count()), nullptr) !=
        CURLM_OK) {
      std::this_thread::sleep_for(milliseconds(10));  // no memory; there may be some soon
    }
  }

  const CurlAsyncClientOptions options_;
  const HttpBodySink no_sink_;
  const MultiHandle multi_;  // but for its wake-up, of the thread alone
  std::atomic<uint64_t> next_id_{1};

  Mutex mutex_;
  Inbox inbox_ RERANKD_GUARDED_BY(mutex_);
  bool closed_ RERANKD_GUARDED_BY(mutex_) = false;

  // Of the thread.
  Calls calls_;
  TimerQueue<uint64_t> deadlines_;  // the calls' ids
  TimerQueue<uint64_t> unsent_;     // likewise, of those that may not have been sent
  TimerQueue<std::unique_ptr<Timer>> timers_;
  std::vector<CurlHandle> idle_;

  std::jthread thread_;
};

CurlAsyncClient::CurlAsyncClient(CurlAsyncClientOptions options)
    : loop_((InitializeCurl(), std::make_unique<Loop>(std::move(options)))) {}

CurlAsyncClient::~CurlAsyncClient() = default;

void CurlAsyncClient::Close() { loop_->Close(); }

void CurlAsyncClient::Send(std::shared_ptr<const HttpRequest> request, TimePoint deadline,
                           std::stop_token stop, Done done) {
  auto call = std::make_unique<Call>();
  call->end = std::move(done);
  call->stop = std::move(stop);
  call->request = std::move(request);
  call->deadline = deadline;
  loop_->Enter(std::move(call));
}

void CurlAsyncClient::RunAt(TimePoint when, std::stop_token stop, Tick tick) {
  auto timer = std::make_unique<Timer>();
  timer->end = std::move(tick);
  timer->stop = std::move(stop);
  timer->when = when;
  loop_->Enter(std::move(timer));
}

}  // namespace rerankd
