// An HttpClient without a network: a table of answers.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "http/http_client.h"
#include "util/mutex.h"

namespace rerankd {

class FakeHttpClient : public HttpClient {
 public:
  // The next answer to "GET URL"; the last one stays for good. A question without an answer is
  // UNAVAILABLE.
  void Answer(const std::string& question, absl::StatusOr<HttpResponse> answer) {
    const MutexLock lock(mutex_);
    answers_[question].push_back(std::move(answer));
  }
  // Takes back what there is for a question.
  void Forget(const std::string& question) {
    const MutexLock lock(mutex_);
    answers_.erase(question);
  }
  std::vector<HttpRequest> requests() const {
    const MutexLock lock(mutex_);
    return requests_;
  }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request, const HttpBodySink& sink,
                                    std::stop_token stop) override {
    if (stop.stop_requested()) return absl::CancelledError("cancelled");
    absl::StatusOr<HttpResponse> answer = Take(request);
    if (!answer.ok() || !sink || answer->status / 100 != 2) return answer;
    HttpResponse head = *std::move(answer);
    const std::string body = std::exchange(head.body, "");
    if (absl::Status status = sink(head, body); !status.ok()) return status;
    return head;
  }

 private:
  absl::StatusOr<HttpResponse> Take(const HttpRequest& request) {
    const MutexLock lock(mutex_);
    requests_.push_back(request);
    const auto found = answers_.find(request.method + " " + request.url);
    if (found == answers_.end()) return absl::UnavailableError("no answer to " + request.url);
    absl::StatusOr<HttpResponse> answer = found->second.front();
    if (found->second.size() > 1) found->second.pop_front();
    return answer;
  }

  mutable Mutex mutex_;
  std::map<std::string, std::deque<absl::StatusOr<HttpResponse>>> answers_
      RERANKD_GUARDED_BY(mutex_);
  std::vector<HttpRequest> requests_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace rerankd
