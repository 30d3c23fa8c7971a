// What is known about one hosted rerank API: how a call to it is written and how its answer reads.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/types.h"
#include "http/http_client.h"
#include "util/secret.h"

namespace rerankd {

// The key that a call is sent with. Whose it is decides what a refusal of it means: the caller's is
// UNAUTHENTICATED or PERMISSION_DENIED, the server's FAILED_PRECONDITION.
struct ProviderKey {
  Secret secret;            // empty: the call is sent without one
  bool is_callers = false;  // it came with the call; else it is of the server
  std::string place;        // where the server's is from, for messages: KeySource::place()
};

// Pure: neither method looks at a clock, the environment or the network. Safe for concurrent use.
class Provider {
 public:
  // The provider's own bounds of one call; 0: none is known.
  struct Limits {
    size_t max_documents = 0;
    // Documents are scored together: the scores of a part are not those of the whole, so a call
    // cannot be split.
    bool listwise = false;
  };

  virtual ~Provider() = default;

  // Lower case, as a model entry's kind names it: "voyage".
  virtual const std::string& name() const = 0;
  // What a score means in an answer to a request that asks for no kind.
  virtual ScoreKind score_kind() const = 0;
  virtual Limits limits() const = 0;

  // The call for `request`, which has at least one document. `key` goes into a secret header.
  // INVALID_ARGUMENT: the provider cannot do what the request asks for; the message names the
  // option.
  virtual absl::StatusOr<HttpRequest> BuildRequest(const RerankRequest& request,
                                                   const ProviderKey& key) const = 0;

  // The result that `response`, of any status, carries for `request`, which was sent with `key`: at
  // most top_k documents, best first, each index once. An error is the one the caller gets, with
  // ErrorInfo (what the provider said, without the key) and RetryInfo (when it said how long); it
  // never carries text of the request. `timings` are left alone.
  virtual absl::StatusOr<RerankResult> ParseResponse(const RerankRequest& request,
                                                     const ProviderKey& key,
                                                     const HttpResponse& response) const = 0;
};

}  // namespace rerankd
