// Error bodies of rerank APIs. No two providers agree on one, and some have several; so this takes
// what it finds and never fails.
#pragma once

#include <string>
#include <string_view>

#include "http/http_client.h"

namespace rerankd {

// As the provider wrote it: neither checked nor free of secrets. Empty: it did not say.
struct ErrorBody {
  std::string message;
  std::string code;  // a name ("AUTHZ_INSUFFICIENT_BALANCE"); a number only where there is none
  std::string request_id;  // under which the provider's support finds the call
};

ErrorBody ReadErrorBody(const HttpResponse& response);

}  // namespace rerankd
