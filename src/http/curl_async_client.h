// AsyncHttpClient over one libcurl multi handle.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>

#include "http/async_http_client.h"
#include "http/curl_transfer.h"

namespace rerankd {

struct CurlAsyncClientOptions {
  CurlHttpClientOptions http;
  // A connection without a request for so long is not used again: whoever balances the load at the
  // other end may have dropped it. In whole seconds.
  std::chrono::seconds max_idle{110};
  size_t max_idle_connections = 128;
};

// One thread moves the bytes of all requests. Connections are kept; to a server that speaks HTTP/2
// over TLS, requests share one for as long as it takes more streams. Else it is as CurlHttpClient.
class CurlAsyncClient : public AsyncHttpClient {
 public:
  explicit CurlAsyncClient(CurlAsyncClientOptions options);
  // Closes it. REQUIRES: no other method runs, or is called any more.
  ~CurlAsyncClient() override;

  // Ends what is open and joins the thread; what is begun later ends at once, on the caller's
  // thread. Further calls do nothing. REQUIRES: not on that thread, nor at the same time twice.
  void Close();

  void Send(std::shared_ptr<const HttpRequest> request, TimePoint deadline, std::stop_token stop,
            Done done) override;
  void RunAt(TimePoint when, std::stop_token stop, Tick tick) override;

 private:
  class Loop;
  const std::unique_ptr<Loop> loop_;
};

}  // namespace rerankd
