// What is known about one hosted rerank API: how a call to it is written and how its answer reads.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/types.h"
#include "http/http_client.h"
#include "util/secret.h"

namespace rerankd {

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
  // What a score of this provider means; stands in every result.
  virtual ScoreKind score_kind() const = 0;
  virtual Limits limits() const = 0;

  // The call for `request`, which has at least one document. `key` goes into a secret header; an
  // empty one sends none. INVALID_ARGUMENT: the provider cannot do what the request asks for; the
  // message names the option.
  virtual absl::StatusOr<HttpRequest> BuildRequest(const RerankRequest& request,
                                                   const Secret& key) const = 0;

  // The result that `response`, of any status, carries for `request`: at most top_k documents, best
  // first, each index once. An error is the one the caller gets, with ErrorInfo (what the provider
  // said, without the key) and RetryInfo (when it said how long); it never carries text of the
  // request. `timings` are left alone.
  virtual absl::StatusOr<RerankResult> ParseResponse(const RerankRequest& request,
                                                     const HttpResponse& response) const = 0;
};

}  // namespace rerankd
