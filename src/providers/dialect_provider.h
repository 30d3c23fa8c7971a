// A Provider made of a Dialect and of what a model entry asks for.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "providers/dialect.h"
#include "providers/provider.h"
#include "providers/provider_options.h"

namespace rerankd {

class DialectProvider : public Provider {
 public:
  // INVALID_ARGUMENT begins with the name of the option that is missing, wrong, or more than the
  // provider offers.
  static absl::StatusOr<std::unique_ptr<DialectProvider>> Make(Dialect dialect,
                                                               ProviderOptions options);

  const std::string& name() const override { return dialect_.name; }
  ScoreKind score_kind() const override { return score_kind_; }
  Limits limits() const override;
  absl::StatusOr<HttpRequest> BuildRequest(const RerankRequest& request,
                                           const ProviderKey& key) const override;
  absl::StatusOr<RerankResult> ParseResponse(const RerankRequest& request, const ProviderKey& key,
                                             const HttpResponse& response) const override;

 private:
  DialectProvider(Dialect dialect, ProviderOptions options);
  // What need not be done for each call.
  absl::Status Prepare();
  absl::Status SetAddress();
  absl::Status AddOptions();
  absl::Status AddExtraBody();
  bool Gives(ScoreKind kind) const;
  absl::StatusOr<nlohmann::ordered_json> Body(const RerankRequest& request) const;
  absl::Status SetTruncation(const RerankRequest& request, nlohmann::ordered_json& body) const;

  const Dialect dialect_;
  const ProviderOptions options_;
  const ScoreKind score_kind_;
  std::string base_url_;
  std::string path_;
  nlohmann::ordered_json constants_;  // of the dialect, with what the options add to every body
};

}  // namespace rerankd
