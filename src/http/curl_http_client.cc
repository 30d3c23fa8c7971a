#include "http/curl_http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "http/url.h"
#include "util/mutex.h"
#include "util/printable.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr size_t kMaxHeaderBytes = size_t{64} << 10;
constexpr size_t kMaxHeaders = 200;
constexpr size_t kErrorBodyBytes = size_t{64} << 10;

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

// What the callbacks of one transfer work on.
struct Transfer {
  const HttpRequest& request;
  const HttpBodySink& sink;
  const std::stop_token stop;
  HttpResponse response = {};
  size_t header_bytes = 0;
  size_t body_bytes = 0;
  bool enough = false;                    // the rest of an error's body is not wanted
  absl::Status error = absl::OkStatus();  // why a callback ended the transfer
};

bool Is2xx(int status) { return status >= 200 && status < 300; }

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// "HTTP/1.1 200 OK" and "HTTP/2 200" start an answer; there are several after a "100 Continue".
void TakeStatusLine(std::string_view line, HttpResponse& response) {
  response.headers.clear();
  response.status = 0;
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return;
  const std::string_view code = Trim(line.substr(space)).substr(0, 3);
  std::from_chars(code.data(), code.data() + code.size(), response.status);
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, size * count);
  transfer.header_bytes += line.size();
  if (transfer.header_bytes > kMaxHeaderBytes || transfer.response.headers.size() >= kMaxHeaders) {
    transfer.error = absl::ResourceExhaustedError(fmt::format(
        "the answer has more than {} headers or {} bytes of them", kMaxHeaders, kMaxHeaderBytes));
    return 0;
  }
  if (line.starts_with("HTTP/")) {
    TakeStatusLine(line, transfer.response);
  } else if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
    transfer.response.headers.emplace_back(Trim(line.substr(0, colon)),
                                           Trim(line.substr(colon + 1)));
  }
  return line.size();
}

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view piece(data, size * count);
  HttpResponse& response = transfer.response;
  if (transfer.sink && !Is2xx(response.status)) {
    response.body += piece.substr(0, kErrorBodyBytes - response.body.size());
    transfer.enough = response.body.size() == kErrorBodyBytes;
    return transfer.enough ? CURL_WRITEFUNC_ERROR : piece.size();
  }
  transfer.body_bytes += piece.size();
  if (transfer.body_bytes > transfer.request.max_body_bytes) {
    transfer.error = absl::ResourceExhaustedError(
        fmt::format("the answer is larger than the {} bytes that it may have",
                    transfer.request.max_body_bytes));
    return CURL_WRITEFUNC_ERROR;
  }
  if (!transfer.sink) {
    response.body += piece;
    return piece.size();
  }
  transfer.error = transfer.sink(response, piece);
  return transfer.error.ok() ? piece.size() : CURL_WRITEFUNC_ERROR;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->stop.stop_requested() ? 1 : 0;
}

absl::Status CheckHeader(std::string_view name, std::string_view value) {
  const auto visible = [](unsigned char c) { return c > 0x20 && c < 0x7F && c != ':'; };
  const auto text = [](unsigned char c) { return (c >= 0x20 && c != 0x7F) || c == '\t'; };
  if (!name.empty() && std::ranges::all_of(name, visible) && std::ranges::all_of(value, text)) {
    return absl::OkStatus();
  }
  // The value may be a secret.
  return absl::InvalidArgumentError(
      fmt::format("the header \"{}\" holds a character that no header may have", Printable(name)));
}

absl::Status Append(std::string_view name, std::string_view value, HeaderList& list) {
  RERANKD_RETURN_IF_ERROR(CheckHeader(name, value));
  // curl's own notation: "Name:" would remove a header, "Name;" sends one without a value.
  const std::string line =
      value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value);
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return absl::ResourceExhaustedError("out of memory");
  // The longer list is the same one, but for an empty one.
  if (list == nullptr) list.reset(longer);
  return absl::OkStatus();
}

absl::StatusOr<HeaderList> Headers(const HttpRequest& request) {
  HeaderList list;
  for (const auto& [name, value] : request.headers) {
    RERANKD_RETURN_IF_ERROR(Append(name, value, list));
  }
  for (const auto& [name, value] : request.secret_headers) {
    RERANKD_RETURN_IF_ERROR(Append(name, value.Reveal(), list));
  }
  return list;
}

absl::Status TransferError(CURLcode code, const Url& url, const char* detail) {
  const std::string where = fmt::format("{}:{}", url.host, url.port);
  const std::string what = Printable(*detail != '\0' ? detail : curl_easy_strerror(code));
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return absl::UnavailableError(fmt::format(
          "cannot resolve the host name {}; check the name, the network and, where there is a "
          "proxy, HTTPS_PROXY",
          url.host));
    case CURLE_COULDNT_RESOLVE_PROXY:
      return absl::UnavailableError(
          fmt::format("cannot resolve the proxy's host name ({}); check HTTPS_PROXY", what));
    case CURLE_COULDNT_CONNECT:
      return absl::UnavailableError(
          fmt::format("cannot connect to {} ({}); check the network, the firewall and HTTPS_PROXY",
                      where, what));
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(fmt::format("{} does not answer ({})", where, what));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return absl::FailedPreconditionError(fmt::format(
          "the certificate of {} is not trusted ({}); install the package ca-certificates, or "
          "name the file of your own authority with SSL_CERT_FILE",
          where, what));
    default:
      return absl::UnavailableError(fmt::format("the connection to {} broke ({})", where, what));
  }
}

void SetMethod(CURL* handle, const HttpRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

void SetTransfer(CURL* handle, Transfer& transfer) {
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
}

void SetTimeouts(CURL* handle, const HttpRequest& request) {
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, long{request.connect_timeout.count()});
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, long{request.total_timeout.count()});
  const auto stall = std::chrono::ceil<std::chrono::seconds>(request.stall_timeout);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, long{stall.count()});
}

}  // namespace

// Handles that wait for their next request; each keeps its connections open.
class CurlHttpClient::Handles {
 public:
  Handle Take() {
    {
      const MutexLock lock(mutex_);
      if (!idle_.empty()) {
        Handle handle = std::move(idle_.back());
        idle_.pop_back();
        return handle;
      }
    }
    return Handle(curl_easy_init());
  }
  void Return(Handle handle) {
    curl_easy_reset(handle.get());
    const MutexLock lock(mutex_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(handle));
  }

 private:
  static constexpr size_t kMaxIdle = 16;
  Mutex mutex_;
  std::vector<Handle> idle_ RERANKD_GUARDED_BY(mutex_);
};

CurlHttpClient::CurlHttpClient(CurlHttpClientOptions options)
    : options_(std::move(options)), handles_(std::make_unique<Handles>()) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)initialized;
}

CurlHttpClient::~CurlHttpClient() = default;

absl::StatusOr<HttpResponse> CurlHttpClient::Send(const HttpRequest& request,
                                                  const HttpBodySink& sink, std::stop_token stop) {
  RERANKD_ASSIGN_OR_RETURN(const Url url, ParseUrl(request.url));
  RERANKD_ASSIGN_OR_RETURN(const HeaderList headers, Headers(request));
  if (stop.stop_requested()) return absl::CancelledError("cancelled");
  Handle handle = handles_->Take();
  if (handle == nullptr) return absl::ResourceExhaustedError("out of memory");
  Transfer transfer{.request = request, .sink = sink, .stop = std::move(stop)};
  char detail[CURL_ERROR_SIZE] = "";
  CURL* const curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_URL, url.text.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, options_.user_agent.c_str());
  // Empty: every encoding that this libcurl can undo.
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, request.accept_compression ? "" : "identity");
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  SetMethod(curl, request);
  SetTransfer(curl, transfer);
  SetTimeouts(curl, request);
  const CURLcode code = curl_easy_perform(curl);
  handles_->Return(std::move(handle));
  if (!transfer.error.ok()) return transfer.error;
  if (code == CURLE_ABORTED_BY_CALLBACK) return absl::CancelledError("cancelled");
  if (code != CURLE_OK && !transfer.enough) return TransferError(code, url, detail);
  return std::move(transfer.response);
}

}  // namespace rerankd
