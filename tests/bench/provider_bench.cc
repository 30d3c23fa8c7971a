// What a call to a provider costs here, beside what the provider takes: many at once through one
// adapter, and one after the other beside a bare libcurl call. The provider is
// tests/support/fake_providers.py on this machine, whose own time is in all figures.
#include <curl/curl.h>
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "http/curl_async_client.h"
#include "providers/registry.h"
#include "providers/remote_reranker.h"
#include "support/fake_providers.h"

namespace rerankd {
namespace {

using std::chrono::steady_clock;

// A number of /proc/self/status.
long Status(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":"))
      return std::strtol(line.c_str() + name.size() + 1, nullptr, 10);
  }
  return -1;
}

RerankRequest Request(size_t documents, size_t bytes) {
  RerankRequest request;
  request.query = "which of them is it?";
  for (size_t i = 0; i < documents; ++i) {
    request.documents.push_back(fmt::format("{} {}", i, std::string(bytes, 'x')));
  }
  return request;
}

// One entry of a configuration, without the server around it.
class Hosted {
 public:
  Hosted(const FakeProviders& fake, const std::string& listener) {
    const ProviderOptions options{
        .kind = "voyage", .model = "rerank-2.5", .base_url = fake.Url(listener) + "/voyage"};
    RemoteOptions remote;
    remote.ca_file = fake.ca();
    remote.max_concurrent_calls = 0;
    reranker_ = std::make_unique<RemoteReranker>(RemoteReranker::Parts{
        .model = "voyage",
        .provider = MakeProvider(options).value(),
        .keys =
            std::make_shared<KeySource>(KeyPlaces(options),
                                        [](const std::string& name) -> std::optional<std::string> {
                                          if (name != "VOYAGE_API_KEY") return std::nullopt;
                                          return "key";
                                        }),
        .options = remote,
        .client = &client_,
        .limits = std::make_shared<KeyLimits>(client_)});
  }

  std::future<absl::Status> Rerank(RerankRequest request) {
    auto promise = std::make_shared<std::promise<absl::Status>>();
    auto future = promise->get_future();
    reranker_->Rerank(std::move(request), [promise](absl::StatusOr<RerankResult> result) {
      promise->set_value(std::move(result).status());
    });
    return future;
  }

 private:
  CurlAsyncClient client_{{.http = {.user_agent = "provider_bench"}}};
  std::unique_ptr<RemoteReranker> reranker_;
};

void Check(const absl::Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "a call failed: {}\n", status.ToString());
  std::exit(1);
}

// All calls at once. The first wave makes the connections; the second finds them.
void ManyAtOnce(const FakeProviders& fake, const std::string& listener, size_t calls) {
  Hosted hosted(fake, listener);
  for (const char* wave : {"new connections", "kept connections"}) {
    malloc_trim(0);
    const long before = Status("VmRSS");
    std::vector<std::future<absl::Status>> answers;
    const auto began = steady_clock::now();
    for (size_t i = 0; i < calls; ++i) answers.push_back(hosted.Rerank(Request(20, 200)));
    const double started = Milliseconds(steady_clock::now() - began);
    long most = 0;
    long threads = 0;
    for (auto& answer : answers) {
      while (answer.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready) {
        most = std::max(most, Status("VmRSS"));
        threads = std::max(threads, Status("Threads"));
      }
      Check(answer.get());
    }
    fmt::print(
        "{:<7} {} calls at once, {}: {:.0f} ms ({:.0f} ms to start them), {} threads in all, "
        "{:.1f} KiB a call\n",
        listener, calls, wave, Milliseconds(steady_clock::now() - began), started, threads,
        static_cast<double>(most - before) / static_cast<double>(calls));
  }
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

size_t Discard(char*, size_t size, size_t count, void*) { return size * count; }

// The same bytes with a handle of its own, on the caller's thread.
class Bare {
 public:
  Bare(const FakeProviders& fake, const std::string& listener, std::string body)
      : body_(std::move(body)), url_(fake.Url(listener) + "/voyage/v1/rerank") {
    for (const char* header : {"Content-Type: application/json", "Authorization: Bearer key"}) {
      headers_ = curl_slist_append(headers_, header);
    }
    curl_easy_setopt(handle_.get(), CURLOPT_URL, url_.c_str());
    curl_easy_setopt(handle_.get(), CURLOPT_CAINFO, fake.ca().c_str());
    curl_easy_setopt(handle_.get(), CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(handle_.get(), CURLOPT_POSTFIELDS, body_.c_str());
    curl_easy_setopt(handle_.get(), CURLOPT_WRITEFUNCTION, Discard);
  }
  ~Bare() { curl_slist_free_all(headers_); }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  void Call() {
    if (curl_easy_perform(handle_.get()) != CURLE_OK) std::exit(1);
  }

 private:
  const CurlHandle handle_{curl_easy_init()};
  const std::string body_;
  const std::string url_;
  curl_slist* headers_ = nullptr;
};

// In turn, so that both see the same machine.
void OneAfterTheOther(const FakeProviders& fake, const std::string& listener, size_t calls) {
  Hosted hosted(fake, listener);
  const RerankRequest request = Request(20, 200);
  const auto provider =
      MakeProvider(
          {.kind = "voyage", .model = "rerank-2.5", .base_url = fake.Url(listener) + "/voyage"})
          .value();
  Bare bare(fake, listener, provider->BuildRequest(request, {.secret = Secret("key")})->body);
  std::vector<double> ours;
  std::vector<double> theirs;
  for (size_t i = 0; i < calls + 20; ++i) {
    auto began = steady_clock::now();
    bare.Call();
    const double one = Milliseconds(steady_clock::now() - began);
    began = steady_clock::now();
    Check(hosted.Rerank(request).get());
    const double other = Milliseconds(steady_clock::now() - began);
    if (i < 20) continue;  // of which the first makes the connection
    theirs.push_back(one);
    ours.push_back(other);
  }
  fmt::print(
      "{:<7} one after the other, p50 of {}: {:.3f} ms, a bare libcurl call {:.3f} ms: {:+.3f} "
      "ms\n",
      listener, calls, Median(ours), Median(theirs), Median(ours) - Median(theirs));
}

// How long the client's thread is with one answer: it moves no bytes in that time.
void Reading(size_t documents, size_t bytes) {
  const auto provider = MakeProvider({.kind = "cohere", .model = "rerank-v3.5"}).value();
  const RerankRequest request = Request(documents, bytes);
  const ProviderKey key{.secret = Secret("a-key-of-usual-length-0123456789")};
  HttpResponse plain{.status = 200, .headers = {{"Content-Type", "application/json"}}};
  HttpResponse echoing = plain;  // as of a server that does not heed return_documents
  for (HttpResponse* const response : {&plain, &echoing}) {
    for (size_t i = 0; i < documents; ++i) {
      response->body +=
          fmt::format("{}{{\"index\":{},\"relevance_score\":{:.8f}{}}}",
                      i == 0 ? "{\"results\":[" : ",", i, 1.0 / static_cast<double>(i + 1),
                      response == &plain
                          ? ""
                          : fmt::format(",\"document\":{{\"text\":\"{}\"}}", request.documents[i]));
    }
    response->body += "]}";
  }
  HttpResponse error{
      .status = 400,
      .headers = {{"Content-Type", "application/json"}},
      .body = fmt::format("{{\"message\":\"{}\"}}", std::string(400, 'x') + request.documents[0])};
  for (const auto& [what, response] :
       {std::pair("results", &plain), std::pair("results with their documents", &echoing),
        std::pair("an error", &error)}) {
    std::vector<double> times;
    for (int i = 0; i < 51; ++i) {
      const auto began = steady_clock::now();
      if (provider->ParseResponse(request, key, *response).ok() != (response != &error))
        std::exit(1);
      times.push_back(Milliseconds(steady_clock::now() - began));
    }
    fmt::print("reading {} of {} documents of {} bytes, p50: {:.3f} ms\n", what, documents, bytes,
               Median(times));
  }
}

}  // namespace
}  // namespace rerankd

int main() {
  setenv("no_proxy", "*", 1);
  rerankd::InitializeCurl();
  rerankd::Reading(20, 200);
  rerankd::Reading(1000, 200);
  rerankd::Reading(1000, 2000);
  {
    const rerankd::FakeProviders slow("0.2");
    for (const char* listener : {"http", "https1", "https"}) {
      rerankd::ManyAtOnce(slow, listener, 500);
    }
  }
  const rerankd::FakeProviders fast("0");
  for (const char* listener : {"http", "https1", "https"}) {
    rerankd::OneAfterTheOther(fast, listener, 500);
  }
  return 0;
}
