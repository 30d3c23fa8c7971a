#include "server/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <optional>
#include <system_error>
#include <utility>

#include "model/model_loader.h"
#include "server/model_loading.h"
#include "server/recorders.h"
#include "server/request_log_fields.h"
#include "server/version.h"
#include "service/listen_address.h"
#include "util/address.h"
#include "util/cpu.h"
#include "util/environment.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using std::chrono::steady_clock;

// Removes a file; a folder of the name stays, and so does what is not there.
void RemoveFile(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) std::filesystem::remove(path, ignored);
}

absl::Status WritePortFile(const std::filesystem::path& path, int port) {
  std::filesystem::path partial = path;
  partial += ".partial";
  std::ofstream file(partial);
  file << port << "\n";
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(partial, path, error);
  if (!file || error) {
    RemoveFile(partial);
    return absl::FailedPreconditionError(
        fmt::format("port_file: cannot write {}; name a file in a folder that exists and can be "
                    "written to",
                    path.string()));
  }
  return absl::OkStatus();
}

bool IsHosted(const ModelEntry& entry) { return entry.kind == EntryKind::kHosted; }

std::unique_ptr<Metrics> MakeMetrics(const ServerConfig& config) {
  if (config.metrics.listen.empty()) return nullptr;
  std::vector<Metrics::Model> models;
  models.reserve(config.models.size());
  for (const ModelEntry& entry : config.models) models.push_back({entry.name, IsHosted(entry)});
  auto metrics = std::make_unique<Metrics>(models, kVersion);
  for (const ModelEntry& entry : config.models) {
    if (EngineMetrics* const engine = metrics->engines.Find(entry.name)) {
      engine->queue_documents_limit.Set(static_cast<double>(entry.engine.max_queued_documents));
    }
  }
  return metrics;
}

}  // namespace

App::App(ServerConfig config, Logger& logger)
    : config_(std::move(config)),
      logger_(logger),
      began_(steady_clock::now()),
      tokenizing_(config_.tokenizer_threads > 0 ? config_.tokenizer_threads : AvailableCpus()),
      metrics_(MakeMetrics(config_)) {}

App::~App() {
  Stop(std::chrono::milliseconds(0));
  // Ends the calls to providers while there still are models that could stand in.
  if (http_ != nullptr) http_->Close();
  reading_.reset();
}

absl::StatusOr<std::unique_ptr<App>> App::Load(const ServerConfig& config, Logger& logger) {
  logger.Info("starting", {{"version", kVersion}, {"processors", unsigned(AvailableCpus())}});
  // One that a killed server left would send whoever waits for it to a wrong port.
  if (!config.port_file.empty()) RemoveFile(config.port_file);
  std::unique_ptr<App> app(new App(config, logger));
  RERANKD_RETURN_IF_ERROR(app->CheckAddresses());
  RERANKD_RETURN_IF_ERROR(app->OpenSecurity());
  RERANKD_RETURN_IF_ERROR(app->OpenTracing());
  RERANKD_RETURN_IF_ERROR(app->ConnectHub());
  RERANKD_RETURN_IF_ERROR(app->ConnectProviders());
  for (const ModelEntry& entry : app->config_.models) {
    RERANKD_RETURN_IF_ERROR(app->catalog_.Add(MakeManagedModel(
        entry, {app->tokenizing_, logger, app->hub_.get(), app->hosted_, app->metrics_.get()})));
  }
  RERANKD_RETURN_IF_ERROR(app->ServeMetrics());
  RERANKD_RETURN_IF_ERROR(app->LoadModels());
  return app;
}

absl::Status App::CheckAddresses() const {
  for (const std::string& address : config_.service.listen) {
    RERANKD_RETURN_IF_ERROR(CheckListenAddress(address));
  }
  return absl::OkStatus();
}

absl::Status App::OpenSecurity() {
  const TimePoint now = steady_clock::now();
  const auto listener = [this](const char* what) {
    return [this, what](const absl::Status& status) {
      if (status.ok()) {
        logger_.Info("files read again", {{"of", what}});
      } else {
        logger_.Warning("files changed and cannot be used; what was read before stays in use",
                        {{"of", what}, {"error", std::string(status.message())}});
      }
    };
  };
  if (config_.tls.enabled()) {
    const auto told = [this, tell = listener("tls")](const absl::Status& status) {
      tell(status);
      if (status.ok()) WarnBeforeCertificateExpires();
    };
    RERANKD_ASSIGN_OR_RETURN(security_.tls, WatchTlsFiles(config_.tls, told, now));
    WarnBeforeCertificateExpires();
    security_.require_client_certificate = config_.tls.require_client_certificate;
  }
  if (!config_.keys_file.empty()) {
    RERANKD_ASSIGN_OR_RETURN(security_.access,
                             AccessControl::Open(config_.keys_file, listener("keys_file"), now));
  }
  return absl::OkStatus();
}

void App::WarnBeforeCertificateExpires() const {
  const std::shared_ptr<const TlsMaterial> current = security_.tls->Get(steady_clock::now());
  if (!ExpiresSoon(*current, std::chrono::system_clock::now())) return;
  logger_.Warning("the certificate expires soon; replace its files, no restart is needed",
                  {{"subject", current->subject},
                   {"expires", ShownTime(current->expires)},
                   {"file", config_.tls.certificate.string()}});
}

void App::WarnWhenExposed() const {
  const TlsFiles& tls = config_.tls;
  const bool knows_callers =
      security_.access != nullptr || (!tls.client_ca.empty() && tls.require_client_certificate);
  if (tls.enabled() && knows_callers) return;
  std::vector<std::string> exposed;
  for (const std::string& address : server_->addresses()) {
    const auto parsed = ParseListenAddress(address);
    if (parsed.ok() && !IsLocal(*parsed)) exposed.push_back(address);
  }
  if (exposed.empty()) return;
  logger_.Warning("other machines may reach this server without protection",
                  {{"address", fmt::format("{}", fmt::join(exposed, ", "))},
                   {"missing", tls.enabled()   ? "keys_file or tls.client_ca"
                               : knows_callers ? "tls"
                                               : "tls, and keys_file or tls.client_ca"}});
}

absl::Status App::OpenTracing() {
  const TracingOptions options = WithEnvironment(config_.tracing, ProcessVariable);
  if (options.endpoint.empty()) return absl::OkStatus();
  RERANKD_ASSIGN_OR_RETURN(tracing_, Tracing::Open(options, ProcessVariable, logger_));
  return absl::OkStatus();
}

absl::Status App::ConnectHub() {
  if (std::ranges::all_of(config_.models, [](const ModelEntry& m) { return m.hub_id.empty(); })) {
    return absl::OkStatus();
  }
  const HubSettings& settings = config_.hub;
  RERANKD_ASSIGN_OR_RETURN(
      HubOptions options,
      HubOptionsFromEnvironment([&](const std::string& name) -> std::optional<std::string> {
        if (name == "HF_ENDPOINT" && !settings.endpoint.empty()) return settings.endpoint;
        if (name == "HF_HUB_CACHE" && !settings.cache_dir.empty()) return settings.cache_dir;
        return ProcessVariable(name);
      }));
  options.offline = settings.offline.value_or(options.offline);
  hub_ = std::make_unique<ModelHub>(std::move(options));
  return absl::OkStatus();
}

absl::Status App::ConnectProviders() {
  if (std::ranges::none_of(config_.models, IsHosted)) return absl::OkStatus();
  for (const ModelEntry& entry : config_.models) {
    // Unlike a key that is nowhere, a file that is named and cannot be used is a mistake.
    if (!IsHosted(entry) || config_.on_error == OnError::kSkip) continue;
    RERANKD_RETURN_IF_ERROR(CheckHostedFiles(entry));
  }
  http_ = std::make_unique<CurlAsyncClient>(
      CurlAsyncClientOptions{.http = {.user_agent = fmt::format("rerankd/{}", kVersion),
                                      .ca_file = ProcessVariable("SSL_CERT_FILE").value_or("")}});
  reading_ = std::make_unique<WorkerPool>(1);
  hosted_ = std::make_shared<const HostedTools>(HostedTools{
      *http_, *reading_, std::make_shared<KeyLimits>(*http_), catalog_, logger_, metrics_.get()});
  return absl::OkStatus();
}

// From before the models are loaded, which may take long, until the last call has ended.
absl::Status App::ServeMetrics() {
  if (metrics_ == nullptr) return absl::OkStatus();
  const auto of_setting = [](const absl::Status& status) {
    return absl::Status(status.code(),
                        fmt::format("metrics.listen: {}", std::string(status.message())));
  };
  const absl::Status possible = CheckListenAddress(config_.metrics.listen);
  if (!possible.ok()) return of_setting(possible);
  absl::StatusOr<std::unique_ptr<MetricsEndpoint>> endpoint =
      MetricsEndpoint::Start(config_.metrics);
  if (!endpoint.ok()) return of_setting(endpoint.status());
  metrics_endpoint_ = *std::move(endpoint);
  process_metrics_ = std::make_shared<ProcessMetrics>();
  model_states_ = std::make_shared<ModelStates>(catalog_);
  metrics_endpoint_->Add(metrics_->registry());
  metrics_endpoint_->Add(process_metrics_);
  metrics_endpoint_->Add(model_states_);
  if (security_.tls != nullptr) {
    certificate_expiry_ = std::make_shared<CertificateExpiry>(security_.tls);
    metrics_endpoint_->Add(certificate_expiry_);
  }
  if (tracing_ != nullptr) {
    dropped_spans_ = std::make_shared<DroppedSpans>(tracing_->spans());
    metrics_endpoint_->Add(dropped_spans_);
  }
  logger_.Info("metrics", {{"address", metrics_endpoint_->address()}});
  if (const auto address = ParseListenAddress(config_.metrics.listen);
      address.ok() && !IsLocal(*address)) {
    logger_.Warning("other machines may read the metrics; keep them inside the cluster",
                    {{"address", metrics_endpoint_->address()}});
  }
  return absl::OkStatus();
}

// A hosted model that has no key stands in nobody's way, unless calls go to it by default.
bool App::MayBeMissing(size_t model) const {
  return config_.on_error == OnError::kSkip || (model != 0 && IsHosted(config_.models[model]));
}

// One after the other: each uses all processors where it computes, and the disk where it does not.
absl::Status App::LoadModels() {
  // GPUs before anything computes; what is missing is said when their models are loaded.
  for (const ModelEntry& model : config_.models) {
    if (!IsHosted(model)) PrepareModelDevice(model.device).IgnoreError();
  }
  absl::Status first_error;
  for (size_t i = 0; i < config_.models.size(); ++i) {
    if (config_.models[i].load == LoadTime::kOnDemand) continue;
    const auto loaded = std::make_shared<std::promise<absl::Status>>();
    catalog_.models()[i]->Load(
        [loaded](absl::Status status) { loaded->set_value(std::move(status)); });
    const absl::Status status = loaded->get_future().get();
    if (status.ok()) continue;
    if (!MayBeMissing(i)) return status;
    if (first_error.ok()) first_error = status;
  }
  const bool any = std::ranges::any_of(catalog_.models(),
                                       [](const auto& model) { return model->status().can_serve; });
  return any ? absl::OkStatus() : first_error;
}

absl::Status App::Serve() {
  RERANKD_ASSIGN_OR_RETURN(server_,
                           GrpcServer::Start(
                               config_.service, catalog_,
                               [this](const RequestLog& request) {
                                 if (metrics_ != nullptr) RecordCall(request, *metrics_);
                                 const LogLevel level = LevelOf(request);
                                 if (logger_.enabled(level))
                                   logger_.Log(level, "request", FieldsOf(request));
                               },
                               security_, tracing_ == nullptr ? nullptr : tracing_->tracer()));
  if (metrics_endpoint_ != nullptr) {
    server_load_ = std::make_shared<ServerLoad>(*server_, config_.service.max_concurrent_requests);
    metrics_endpoint_->Add(server_load_);
  }
  if (!config_.port_file.empty()) {
    RERANKD_RETURN_IF_ERROR(WritePortFile(config_.port_file, server_->port()));
  }
  WarnWhenExposed();
  logger_.Info("serving", {{"address", fmt::format("{}", fmt::join(server_->addresses(), ","))},
                           {"default_model", catalog_.models().front()->name()},
                           {"start_ms", Milliseconds(steady_clock::now() - began_)}});
  return absl::OkStatus();
}

bool App::Stop(std::chrono::milliseconds grace) {
  if (server_ == nullptr) return true;
  server_->BeginShutdown();
  logger_.Info("draining", {{"grace_ms", Milliseconds(grace)}});
  const bool all_ended = server_->Stop(grace);
  if (!all_ended) logger_.Warning("calls were cancelled at the end of the grace period");
  if (server_load_ != nullptr) metrics_endpoint_->Remove(server_load_);
  server_.reset();
  if (!config_.port_file.empty()) RemoveFile(config_.port_file);
  return all_ended;
}

}  // namespace rerankd
