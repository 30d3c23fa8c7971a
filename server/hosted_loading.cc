#include "server/hosted_loading.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/ca_file.h"
#include "providers/fallback_reranker.h"
#include "providers/key_source.h"
#include "providers/registry.h"
#include "providers/remote_reranker.h"
#include "providers/splitting_reranker.h"
#include "server/recorders.h"
#include "util/environment.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

std::vector<FallbackReranker::Other> Others(const ModelEntry& entry, const Catalog& catalog) {
  std::vector<FallbackReranker::Other> others;
  others.reserve(entry.remote.fallback.size());
  for (const std::string& name : entry.remote.fallback) {
    others.push_back({name, [&catalog, name]() -> Reranker* {
                        const auto found = catalog.Find(name);
                        return found.ok() ? *found : nullptr;
                      }});
  }
  return others;
}

absl::Status Wrong(const ModelEntry& entry, std::string_view setting, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::FailedPreconditionError(
      fmt::format("model \"{}\": {}: {}", entry.name, setting, std::string(status.message())));
}

}  // namespace

absl::Status CheckHostedFiles(const ModelEntry& entry) {
  if (!entry.provider.api_key_file.empty()) {
    KeySource keys(KeyPlaces(entry.provider), ProcessVariable);
    RERANKD_RETURN_IF_ERROR(Wrong(entry, "api_key_file", keys.Get().status()));
  }
  if (!entry.remote.ca_file.empty()) {
    return Wrong(entry, "ca_file", CheckCaFile(entry.remote.ca_file));
  }
  const std::string ca_file = ProcessVariable("SSL_CERT_FILE").value_or("");
  return ca_file.empty() ? absl::OkStatus() : Wrong(entry, "SSL_CERT_FILE", CheckCaFile(ca_file));
}

absl::StatusOr<ManagedModel::Loaded> LoadHostedModel(const ModelEntry& entry, ModelInfo info,
                                                     const HostedTools& tools) {
  RERANKD_RETURN_IF_ERROR(CheckHostedFiles(entry));
  const ProviderOptions options = WithEnvironment(entry.provider, ProcessVariable);
  RERANKD_ASSIGN_OR_RETURN(std::shared_ptr<const Provider> provider, MakeProvider(options));
  const auto keys = std::make_shared<KeySource>(
      KeyPlaces(options), ProcessVariable,
      [&logger = tools.logger, name = entry.name](const absl::Status& status) {
        if (status.ok()) {
          logger.Info("key renewed", {{"model", name}});
        } else {
          logger.Warning("key not renewed, the last one stays",
                         {{"model", name}, {"why", std::string(status.message())}});
        }
      });
  absl::Status no_key = options.caller_key ? absl::OkStatus() : keys->Get().status();
  if (!no_key.ok() && entry.remote.fallback.empty()) return no_key;

  ManagedModel::Loaded served;
  served.info = std::move(info);
  served.info.default_score_kind = provider->score_kind();
  served.availability = std::make_shared<Availability>(
      [&logger = tools.logger, name = entry.name](const Availability::State& state) {
        if (state.problem.empty()) {
          logger.Info("provider answers again", {{"model", name}});
        } else {
          logger.Warning("provider in trouble", {{"model", name},
                                                 {"problem", state.problem},
                                                 {"takes_calls", state.can_serve ? "yes" : "no"}});
        }
      });
  RemoteReranker::Parts parts{
      .model = entry.name,
      .provider = provider,
      .keys = keys,
      .takes_callers_key = options.caller_key,
      .options = entry.remote,
      .client = &tools.http,
      .limits = tools.limits,
      .availability = served.availability,
      .recorder = RecorderOfProvider(tools.metrics, entry.name),
      .read_elsewhere = [&reading = tools.reading](auto work) { reading.Post(std::move(work)); }};
  served.reranker = std::make_shared<RemoteReranker>(std::move(parts));
  if (entry.remote.split) {
    const size_t running = entry.remote.max_concurrent_calls;
    served.reranker = std::make_shared<SplittingReranker>(
        std::move(served.reranker),
        SplittingReranker::Options{
            .max_documents = provider->limits().max_documents,
            .max_parts = running == 0 ? 0 : running + entry.remote.max_waiting_calls});
  }
  if (!entry.remote.fallback.empty()) {
    served.reranker = std::make_shared<FallbackReranker>(std::move(served.reranker),
                                                         Others(entry, tools.catalog));
  }
  // Each call looks for the key anew.
  if (!no_key.ok()) {
    tools.logger.Warning("its fallback answers",
                         {{"name", entry.name}, {"why", std::string(no_key.message())}});
  }
  tools.logger.Info("model hosted", {{"name", served.info.name},
                                     {"kind", served.info.kind},
                                     {"provider_model", options.model},
                                     {"key_from", keys->place()}});
  return served;
}

}  // namespace rerankd
