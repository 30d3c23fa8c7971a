#include "providers/registry.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "providers/dialect_provider.h"
#include "providers/dialects/cohere.h"
#include "providers/dialects/compatible.h"
#include "providers/dialects/dashscope.h"
#include "providers/dialects/deepinfra.h"
#include "providers/dialects/jina.h"
#include "providers/dialects/mixedbread.h"
#include "providers/dialects/nvidia.h"
#include "providers/dialects/pinecone.h"
#include "providers/dialects/tei.h"
#include "providers/dialects/voyage.h"

namespace rerankd {
namespace {

const std::vector<Dialect>& Dialects() {
  static const auto* const dialects = new std::vector<Dialect>{
      VoyageDialect(),    CohereDialect(),     JinaDialect(),     CompatibleDialect(),
      TeiDialect(),       MixedbreadDialect(), PineconeDialect(), NvidiaDialect(),
      DeepInfraDialect(), DashScopeDialect(),
  };
  return *dialects;
}

const Dialect& DialectOf(const std::string& kind) {
  const auto found = std::ranges::find(Dialects(), kind, &Dialect::name);
  if (found == Dialects().end()) std::abort();  // as REQUIRES says
  return *found;
}

}  // namespace

const std::vector<std::string>& ProviderKinds() {
  static const auto* const kinds = [] {
    auto* const names = new std::vector<std::string>;
    for (const Dialect& dialect : Dialects()) names->push_back(dialect.name);
    return names;
  }();
  return *kinds;
}

ProviderOptions WithEnvironment(ProviderOptions options, const EnvironmentLookup& environment) {
  for (const std::string& variable : DialectOf(options.kind).base_url_variables) {
    if (!options.base_url.empty()) break;
    options.base_url = environment(variable).value_or("");
  }
  return options;
}

absl::StatusOr<std::unique_ptr<Provider>> MakeProvider(const ProviderOptions& options) {
  return DialectProvider::Make(DialectOf(options.kind), options);
}

KeySource::Options KeyPlaces(const ProviderOptions& options) {
  const Dialect& dialect = DialectOf(options.kind);
  return {.provider = dialect.name,
          .file = options.api_key_file,
          .variable = options.api_key_env,
          .customary = dialect.key_variables,
          .required = options.base_url.empty()};
}

}  // namespace rerankd
