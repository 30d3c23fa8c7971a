#include "http/http_client.h"

#include "absl/strings/match.h"

namespace rerankd {

std::optional<std::string_view> HttpResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(absl::string_view(key.data(), key.size()),
                               absl::string_view(name.data(), name.size()))) {
      return value;
    }
  }
  return std::nullopt;
}

bool Is2xx(int status) { return status >= 200 && status < 300; }

}  // namespace rerankd
