// HttpClient over libcurl: HTTP/1.1 and HTTP/2, connections kept for the next request, the proxies
// that the environment names (HTTPS_PROXY, NO_PROXY, ...), certificates always verified. Follows no
// redirect, reads no .netrc, keeps no cookies.
#pragma once

#include <memory>
#include <stop_token>

#include "http/curl_transfer.h"
#include "http/http_client.h"

namespace rerankd {

// Each request runs on the caller's thread. A cancelled one ends within a second.
class CurlHttpClient : public HttpClient {
 public:
  explicit CurlHttpClient(CurlHttpClientOptions options);
  ~CurlHttpClient() override;

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request, const HttpBodySink& sink,
                                    std::stop_token stop) override;

 private:
  class Handles;

  const CurlHttpClientOptions options_;
  const std::unique_ptr<Handles> handles_;
};

}  // namespace rerankd
