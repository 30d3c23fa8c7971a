// What those who work on a traced call tell of the time that they spend on it.
#pragma once

#include <string>

#include "util/clock.h"

namespace rerankd {

// Hangs on RerankRequest::trace; there is none where nobody wants to know, so that an untraced call
// costs a comparison. Methods may be called from any thread, also after the call was answered (its
// work may end later); they neither block nor throw nor call back.
class CallTrace {
 public:
  enum class Stage { kTokenize, kQueue, kCompute };

  struct ProviderRequest {
    std::string method;  // of HTTP
    std::string host;
    int port = 0;
    int http_status = 0;  // 0: there was no answer
    std::string error;    // where there was none, the name of the status that says why
    int earlier = 0;      // requests that were sent for the same call before this one
    TimePoint begin;
    TimePoint end;
  };

  virtual ~CallTrace() = default;

  // A model that is computed here was busy with the call so, or did not come to it yet (kQueue).
  virtual void Worked(Stage stage, TimePoint begin, TimePoint end) = 0;
  // A provider was asked. One request that was hedged is one.
  virtual void ProviderAsked(ProviderRequest request) = 0;
};

}  // namespace rerankd
