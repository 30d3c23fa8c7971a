#include "http/curl_http_client.h"

#include <utility>
#include <vector>

#include "util/mutex.h"
#include "util/status_macros.h"

namespace rerankd {

// Handles that wait for their next request; each keeps its connections open.
class CurlHttpClient::Handles {
 public:
  CurlHandle Take() {
    {
      const MutexLock lock(mutex_);
      if (!idle_.empty()) {
        CurlHandle handle = std::move(idle_.back());
        idle_.pop_back();
        return handle;
      }
    }
    return CurlHandle(curl_easy_init());
  }
  void Return(CurlHandle handle) {
    curl_easy_reset(handle.get());
    const MutexLock lock(mutex_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(handle));
  }

 private:
  static constexpr size_t kMaxIdle = 16;
  Mutex mutex_;
  std::vector<CurlHandle> idle_ RERANKD_GUARDED_BY(mutex_);
};

CurlHttpClient::CurlHttpClient(CurlHttpClientOptions options)
    : options_(std::move(options)), handles_(std::make_unique<Handles>()) {
  InitializeCurl();
}

CurlHttpClient::~CurlHttpClient() = default;

absl::StatusOr<HttpResponse> CurlHttpClient::Send(const HttpRequest& request,
                                                  const HttpBodySink& sink, std::stop_token stop) {
  RERANKD_ASSIGN_OR_RETURN(const std::unique_ptr<CurlTransfer> transfer,
                           CurlTransfer::Make(request, sink));
  if (stop.stop_requested()) return absl::CancelledError("cancelled");
  CurlHandle handle = handles_->Take();
  if (handle == nullptr) return absl::ResourceExhaustedError("out of memory");
  transfer->Prepare(handle.get(), options_);
  transfer->Watch(handle.get(), std::move(stop));
  const CURLcode code = curl_easy_perform(handle.get());
  absl::StatusOr<HttpResponse> result = transfer->Finish(handle.get(), code);
  handles_->Return(std::move(handle));
  return result;
}

}  // namespace rerankd
