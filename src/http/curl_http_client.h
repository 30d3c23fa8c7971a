// HttpClient over libcurl: HTTP/1.1 and HTTP/2, connections kept for the next request, the proxies
// that the environment names (HTTPS_PROXY, NO_PROXY, ...), certificates always verified. Follows no
// redirect, reads no .netrc, keeps no cookies.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "http/http_client.h"

namespace rerankd {

struct CurlHttpClientOptions {
  std::string user_agent;
  std::filesystem::path ca_file;  // PEM, the certificates to trust; empty: the system's
};

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
