// The providers there are, by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "providers/key_source.h"
#include "providers/provider.h"
#include "providers/provider_options.h"
#include "util/environment.h"

namespace rerankd {

// In the order of the documentation: "voyage", "cohere", …
const std::vector<std::string>& ProviderKinds();

// `options` with what the environment says where they say nothing: the base URL, under the names
// that the provider's own SDK reads.
ProviderOptions WithEnvironment(ProviderOptions options, const EnvironmentLookup& environment);

// INVALID_ARGUMENT begins with the name of the option that is missing, wrong, or more than the
// provider offers. REQUIRES: options.kind is one of ProviderKinds().
absl::StatusOr<std::unique_ptr<Provider>> MakeProvider(const ProviderOptions& options);

// Where the server's key for calls of `options` is to be found. A server of one's own (a base_url)
// may go without a key. REQUIRES: options.kind is one of ProviderKinds().
KeySource::Options KeyPlaces(const ProviderOptions& options);

}  // namespace rerankd
