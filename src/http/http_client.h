// HTTP as the project uses it. Requests and answers are plain values, so that what builds the one
// and reads the other is a pure function; a client only moves bytes.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "util/secret.h"

namespace rerankd {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::pair<std::string, Secret>>
      secret_headers;  // never shown; dropped for another host
  std::string body;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{30'000};  // no byte for so long; rounded up to seconds
  std::chrono::milliseconds total_timeout{0};       // 0: none
  size_t max_body_bytes = size_t{16} << 20;         // after decompression
  bool accept_compression = true;
  std::filesystem::path ca_file = {};  // PEM, the certificates to trust; empty: the client's
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The value of the first header of that name, whatever its case.
  std::optional<std::string_view> Header(std::string_view name) const;
};

// Whether a status says that the request was understood and done.
bool Is2xx(int status);

// Takes a piece of the body of a 2xx answer; `head` is the answer without its body. An error ends
// the transfer and becomes its result.
using HttpBodySink = std::function<absl::Status(const HttpResponse& head, std::string_view piece)>;

// Safe for concurrent use.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  // Sends `request`, at most once unless it is a GET or a HEAD, and waits for the answer, whatever
  // its status: redirects, 404 and 500 are answers too. With a `sink`, the body of a 2xx answer
  // goes there and stays out of the response; the first 64 KiB of any other are in it. Errors name
  // the host and say what to do: UNAVAILABLE (cannot resolve, connect in time, or the connection
  // broke), DEADLINE_EXCEEDED (connected, but no answer in time), CANCELLED (`stop`),
  // RESOURCE_EXHAUSTED (a body or headers over their bound), FAILED_PRECONDITION (TLS: the
  // certificate is not trusted), INVALID_ARGUMENT (not an http or https URL, a control character in
  // a header).
  virtual absl::StatusOr<HttpResponse> Send(const HttpRequest& request, const HttpBodySink& sink,
                                            std::stop_token stop) = 0;
};

}  // namespace rerankd
