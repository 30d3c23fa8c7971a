#include "http/curl_transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>

#include "util/no_throw.h"
#include "util/printable.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr size_t kMaxHeaderBytes = size_t{64} << 10;
constexpr size_t kMaxHeaders = 200;
constexpr size_t kErrorBodyBytes = size_t{64} << 10;

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

absl::Status AppendLine(const std::string& line, CurlList& list) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return absl::ResourceExhaustedError("out of memory");
  // The longer list is the same one, but for an empty one.
  if (list == nullptr) list.reset(longer);
  return absl::OkStatus();
}

absl::Status Append(std::string_view name, std::string_view value, CurlList& list) {
  RERANKD_RETURN_IF_ERROR(CheckHeader(name, value));
  // curl's own notation: "Name:" would remove a header, "Name;" sends one without a value.
  return AppendLine(value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value),
                    list);
}

absl::StatusOr<CurlList> Headers(const HttpRequest& request) {
  CurlList list;
  for (const auto& [name, value] : request.headers) {
    RERANKD_RETURN_IF_ERROR(Append(name, value, list));
  }
  for (const auto& [name, value] : request.secret_headers) {
    RERANKD_RETURN_IF_ERROR(Append(name, value.Reveal(), list));
  }
  // Else a large body would wait up to a second for a "100 Continue" that few servers send.
  RERANKD_RETURN_IF_ERROR(AppendLine("Expect:", list));
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
    case CURLE_OUT_OF_MEMORY:
      return absl::ResourceExhaustedError("out of memory");
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

void SetTimeouts(CURL* handle, const HttpRequest& request) {
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, long{request.connect_timeout.count()});
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, long{request.total_timeout.count()});
  const auto stall = std::chrono::ceil<std::chrono::seconds>(request.stall_timeout);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, long{stall.count()});
}

}  // namespace

void InitializeCurl() {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)initialized;
}

CurlTransfer::CurlTransfer(const HttpRequest& request, const HttpBodySink& sink, Url url,
                           CurlList headers)
    : request_(request), sink_(sink), url_(std::move(url)), headers_(std::move(headers)) {}

absl::StatusOr<std::unique_ptr<CurlTransfer>> CurlTransfer::Make(const HttpRequest& request,
                                                                 const HttpBodySink& sink) {
  RERANKD_ASSIGN_OR_RETURN(Url url, ParseUrl(request.url));
  RERANKD_ASSIGN_OR_RETURN(CurlList headers, Headers(request));
  return std::unique_ptr<CurlTransfer>(
      new CurlTransfer(request, sink, std::move(url), std::move(headers)));
}

void CurlTransfer::Prepare(CURL* handle, const CurlHttpClientOptions& options) {
  curl_easy_setopt(handle, CURLOPT_URL, url_.text.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail_);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
  // Empty: every encoding that this libcurl can undo.
  curl_easy_setopt(handle, CURLOPT_ACCEPT_ENCODING, request_.accept_compression ? "" : "identity");
  const std::filesystem::path& ca_file =
      request_.ca_file.empty() ? options.ca_file : request_.ca_file;
  if (!ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers_.get());
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
  SetMethod(handle, request_);
  SetTimeouts(handle, request_);
  if (request_.method == "GET" || request_.method == "HEAD") return;
  handle_ = handle;
  curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, OnSend);
  curl_easy_setopt(handle, CURLOPT_PREREQDATA, this);
}

void CurlTransfer::Watch(CURL* handle, std::stop_token stop) {
  stop_ = std::move(stop);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, this);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
}

bool CurlTransfer::HasBegun(CURL* handle) {
  curl_off_t until_sent = 0;  // microseconds
  curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &until_sent);
  return until_sent > 0;
}

absl::Status CurlTransfer::NoConnection() const {
  std::chrono::milliseconds most{300'000};  // libcurl's own
  for (const auto bound : {request_.connect_timeout, request_.total_timeout}) {
    if (bound.count() > 0) most = std::min(most, bound);
  }
  return absl::UnavailableError(
      fmt::format("no connection to {}:{} within {} ms; it may be down, or a firewall or a wrong "
                  "address may be in between",
                  url_.host, url_.port, most.count()));
}

absl::StatusOr<HttpResponse> CurlTransfer::Finish(CURL* handle, CURLcode code) {
  if (!error_.ok()) return error_;
  if (code == CURLE_ABORTED_BY_CALLBACK) return absl::CancelledError("cancelled");
  if (code == CURLE_OPERATION_TIMEDOUT && !HasBegun(handle)) return NoConnection();
  if (code != CURLE_OK && !enough_) return TransferError(code, url_, detail_);
  return std::move(response_);
}

size_t CurlTransfer::TakeHeader(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes || response_.headers.size() >= kMaxHeaders) {
    error_ = absl::ResourceExhaustedError(fmt::format(
        "the answer has more than {} headers or {} bytes of them", kMaxHeaders, kMaxHeaderBytes));
    return 0;
  }
  if (line.starts_with("HTTP/")) {
    TakeStatusLine(line, response_);
  } else if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
    response_.headers.emplace_back(Trim(line.substr(0, colon)), Trim(line.substr(colon + 1)));
  }
  return line.size();
}

size_t CurlTransfer::TakeBody(std::string_view piece) {
  if (sink_ && !Is2xx(response_.status)) {
    response_.body += piece.substr(0, kErrorBodyBytes - response_.body.size());
    enough_ = response_.body.size() == kErrorBodyBytes;
    return enough_ ? CURL_WRITEFUNC_ERROR : piece.size();
  }
  body_bytes_ += piece.size();
  if (body_bytes_ > request_.max_body_bytes) {
    error_ = absl::ResourceExhaustedError(fmt::format(
        "the answer is larger than the {} bytes that it may have", request_.max_body_bytes));
    return CURL_WRITEFUNC_ERROR;
  }
  if (!sink_) {
    response_.body += piece;
    return piece.size();
  }
  error_ = sink_(response_, piece);
  return error_.ok() ? piece.size() : CURL_WRITEFUNC_ERROR;
}

// libcurl is C: nothing may be thrown through it. `failed` is what then stands for an error.
template <typename Take>
size_t CurlTransfer::Guarded(const Take& take, size_t failed) noexcept {
  size_t taken = 0;
  absl::Status thrown = WithoutThrowing([&] {
    taken = take();
    return absl::OkStatus();
  });
  if (thrown.ok()) return taken;
  error_ = std::move(thrown);
  return failed;
}

size_t CurlTransfer::OnHeader(char* data, size_t size, size_t count, void* user) noexcept {
  auto& self = *static_cast<CurlTransfer*>(user);
  return self.Guarded([&] { return self.TakeHeader({data, size * count}); }, 0);
}

size_t CurlTransfer::OnBody(char* data, size_t size, size_t count, void* user) noexcept {
  auto& self = *static_cast<CurlTransfer*>(user);
  return self.Guarded([&] { return self.TakeBody({data, size * count}); }, CURL_WRITEFUNC_ERROR);
}

// libcurl sends a request once more when a connection that it had kept breaks before an answer.
// What changes nothing may go twice, but what is billed is for the caller to repeat.
int CurlTransfer::OnSend(void* user, char*, char*, int, int) noexcept {
  auto& self = *static_cast<CurlTransfer*>(user);
  return static_cast<int>(self.Guarded(
      [&]() -> size_t {
        long sent = 0;  // bytes, of all attempts
        curl_easy_getinfo(self.handle_, CURLINFO_REQUEST_SIZE, &sent);
        if (sent == 0) return CURL_PREREQFUNC_OK;
        self.error_ = absl::UnavailableError(
            fmt::format("the connection to {}:{} broke before an answer; whether the request was "
                        "received is not known",
                        self.url_.host, self.url_.port));
        return CURL_PREREQFUNC_ABORT;
      },
      CURL_PREREQFUNC_ABORT));
}

int CurlTransfer::OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<CurlTransfer*>(user)->stop_.stop_requested() ? 1 : 0;
}

}  // namespace rerankd
