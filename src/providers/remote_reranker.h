// A model that a provider hosts, as a Reranker.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "core/availability.h"
#include "core/reranker.h"
#include "http/async_http_client.h"
#include "providers/key_limits.h"
#include "providers/key_source.h"
#include "providers/provider.h"
#include "providers/provider_recorder.h"
#include "providers/remote_options.h"

namespace rerankd {

// Sends each call to the provider and reads its answer; no thread waits for one. What may pass is
// tried again within the call's deadline (retry_delay.h), unless too much fails anyway
// (retry_budget.h); somebody who does not answer is left alone for a while (circuit_breaker.h).
//
// Beside a Reranker's, errors are those of the provider (provider_errors.h), and:
//  - UNAVAILABLE: it cannot be reached, does not answer within RemoteOptions::timeout, or has not
//    answered lately (with RetryInfo).
//  - RESOURCE_EXHAUSTED (QUEUE_FULL): too many calls wait for their turn with the key.
//  - FAILED_PRECONDITION: there is no key. PERMISSION_DENIED: the call brought one where the entry
//    does not allow that.
//  - INVALID_ARGUMENT: more documents than the provider takes.
//
// Calls in progress go on when it is destroyed.
class RemoteReranker : public Reranker {
 public:
  struct Parts {
    std::string model;  // the entry's name
    std::shared_ptr<const Provider> provider;
    std::shared_ptr<KeySource> keys;
    bool takes_callers_key = false;
    RemoteOptions options;
    AsyncHttpClient* client = nullptr;  // outlives the reranker and its calls
    std::shared_ptr<KeyLimits> limits;
    std::shared_ptr<Availability> availability;  // told while the breaker is open
    std::shared_ptr<ProviderRecorder> recorder;  // null: nobody counts
    // Runs what it is given once, on another thread: answers that take long to read, which would
    // keep the client's thread from the other calls. Empty: they are read on that thread.
    std::function<void(absl::AnyInvocable<void()>)> read_elsewhere;
    std::function<double()> random;  // in [0, 1), from any thread; empty: one of its own
  };

  explicit RemoteReranker(Parts parts);
  ~RemoteReranker() override;

  void Rerank(RerankRequest request, Done done) override;

 private:
  class Upstream;
  class Call;
  const std::shared_ptr<Upstream> upstream_;
};

}  // namespace rerankd
