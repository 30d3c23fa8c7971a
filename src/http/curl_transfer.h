// One HTTP exchange as libcurl does it: what every client of ours sets on a handle, what comes in,
// and what its end means.
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "http/http_client.h"
#include "http/url.h"

namespace rerankd {

struct CurlHttpClientOptions {
  std::string user_agent;
  // PEM, the certificates to trust where a request names no file of its own; empty: the system's.
  std::filesystem::path ca_file;
};

struct FreeCurlHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, FreeCurlHandle>;

struct FreeCurlList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeCurlList>;

// Once a process, before the first handle is made. Safe for concurrent use.
void InitializeCurl();

// Of one thread, and at one place: libcurl has its address from Prepare() on until the handle is
// reset or gone.
class CurlTransfer {
 public:
  // INVALID_ARGUMENT: no http or https URL, or a header that cannot be sent. `request`, `sink` and
  // what they refer to outlive the transfer.
  static absl::StatusOr<std::unique_ptr<CurlTransfer>> Make(const HttpRequest& request,
                                                            const HttpBodySink& sink);

  bool encrypted() const { return url_.scheme == "https"; }

  // Sets everything on a fresh handle.
  void Prepare(CURL* handle, const CurlHttpClientOptions& options);
  // In addition: ends with CANCELLED within a second of `stop`.
  void Watch(CURL* handle, std::stop_token stop);

  // Whether there was a connection on which the request could be sent.
  static bool HasBegun(CURL* handle);
  // What is said when there was none in time, whoever notices it.
  absl::Status NoConnection() const;
  // What a transfer that ended with `code` has brought; errors are as of HttpClient::Send().
  // REQUIRES: `handle` has not been reset.
  absl::StatusOr<HttpResponse> Finish(CURL* handle, CURLcode code);

 private:
  CurlTransfer(const HttpRequest& request, const HttpBodySink& sink, Url url, CurlList headers);

  static size_t OnHeader(char* data, size_t size, size_t count, void* user) noexcept;
  static size_t OnBody(char* data, size_t size, size_t count, void* user) noexcept;
  static int OnSend(void* user, char*, char*, int, int) noexcept;
  static int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept;
  template <typename Take>
  size_t Guarded(const Take& take, size_t failed) noexcept;
  size_t TakeHeader(std::string_view line);
  size_t TakeBody(std::string_view piece);

  const HttpRequest& request_;
  const HttpBodySink& sink_;
  const Url url_;
  const CurlList headers_;
  CURL* handle_ = nullptr;  // of a request that must not be sent twice
  std::stop_token stop_;
  HttpResponse response_;
  size_t header_bytes_ = 0;
  size_t body_bytes_ = 0;
  bool enough_ = false;  // the rest of an error's body is not wanted
  absl::Status error_;   // why a callback ended the transfer
  char detail_[CURL_ERROR_SIZE] = "";
};

}  // namespace rerankd
