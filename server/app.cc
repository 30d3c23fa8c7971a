#include "server/app.h"

#include <fmt/format.h>

#include <fstream>
#include <system_error>
#include <utility>

#include "server/model_loading.h"
#include "server/request_log_fields.h"
#include "server/version.h"
#include "util/cpu.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using std::chrono::steady_clock;

absl::Status WritePortFile(const std::filesystem::path& path, int port) {
  std::filesystem::path partial = path;
  partial += ".partial";
  std::ofstream file(partial);
  file << port << "\n";
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(partial, path, error);
  if (!file || error) {
    return absl::FailedPreconditionError(
        fmt::format("port_file: cannot write {}; name a file in a folder that exists and can be "
                    "written to",
                    path.string()));
  }
  return absl::OkStatus();
}

}  // namespace

App::App(ServerConfig config, Logger& logger)
    : config_(std::move(config)),
      logger_(logger),
      began_(steady_clock::now()),
      tokenizing_(config_.tokenizer_threads > 0 ? config_.tokenizer_threads : AvailableCpus()) {}

App::~App() { Stop(std::chrono::milliseconds(0)); }

absl::StatusOr<std::unique_ptr<App>> App::Load(const ServerConfig& config, Logger& logger) {
  logger.Info("starting", {{"version", kVersion}, {"processors", unsigned(AvailableCpus())}});
  std::unique_ptr<App> app(new App(config, logger));
  for (const ModelEntry& entry : config.models) {
    const absl::Status status = app->AddModel(entry);
    if (!status.ok()) {
      return absl::Status(status.code(), fmt::format("model \"{}\": {}", entry.name,
                                                     std::string(status.message())));
    }
  }
  return app;
}

absl::Status App::Serve() {
  RERANKD_ASSIGN_OR_RETURN(
      server_, GrpcServer::Start(config_.service, catalog_, [this](const RequestLog& request) {
        const LogLevel level = LevelOf(request);
        if (logger_.enabled(level)) logger_.Log(level, "request", FieldsOf(request));
      }));
  if (!config_.port_file.empty()) {
    RERANKD_RETURN_IF_ERROR(WritePortFile(config_.port_file, server_->port()));
  }
  logger_.Info("serving", {{"address", server_->address()},
                           {"default_model", catalog_.entries().front().info.name},
                           {"start_ms", Milliseconds(steady_clock::now() - began_)}});
  return absl::OkStatus();
}

absl::Status App::AddModel(const ModelEntry& entry) {
  RERANKD_ASSIGN_OR_RETURN(ServedModel model, LoadServedModel(entry, tokenizing_, logger_));
  return catalog_.Add({std::move(model.info), std::move(model.reranker)});
}

bool App::Stop(std::chrono::milliseconds grace) {
  if (server_ == nullptr) return true;
  server_->BeginShutdown();
  logger_.Info("draining", {{"grace_ms", Milliseconds(grace)}});
  const bool all_ended = server_->Stop(grace);
  if (!all_ended) logger_.Warning("calls were cancelled at the end of the grace period");
  server_.reset();
  if (!config_.port_file.empty()) {
    std::error_code ignored;
    std::filesystem::remove(config_.port_file, ignored);
  }
  return all_ended;
}

}  // namespace rerankd
