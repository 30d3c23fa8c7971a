// rerankd: reads the configuration, serves until SIGTERM or SIGINT, drains, and exits.
// Exit status: 0 stopped as asked, 1 could not start or had to cancel calls at the end of the grace
// period, 2 wrong command line or configuration.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "config/command_line.h"
#include "config/config_loader.h"
#include "config/settings.h"
#include "security/access_control.h"
#include "security/tls_files.h"
#include "server/app.h"
#include "server/hosted_loading.h"
#include "server/shutdown_signal.h"
#include "server/version.h"
#include "service/grpc_log.h"
#include "service/listen_address.h"
#include "util/printable.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;

// The project's own, installed beside the program or where the build had it.
ModelEntry DefaultModel() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path built = kBuildDefaultModel;
  const fs::path installed =
      program.parent_path().parent_path() / "share" / "rerankd" / "models" / built.filename();
  ModelEntry model;
  model.name = built.filename().string();
  model.path = fs::exists(installed, error) ? installed : built;
  model.kind = EntryKind::kCrossEncoder;
  return model;
}

ConfigSources SourcesOf(CommandLine command_line) {
  ConfigSources sources;
  sources.default_model = DefaultModel();
  if (const char* const home = std::getenv("HOME"); home != nullptr) sources.home = home;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const size_t equals = text.find('=');
    if (!text.starts_with("RERANKD_") || equals == std::string_view::npos) continue;
    sources.environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  sources.flags = std::move(command_line.flags);
  sources.file = std::move(command_line.config_file);
  const char* const file = std::getenv("RERANKD_CONFIG");
  if (!sources.file && file != nullptr && *file != 0) {
    sources.file = file;
  }
  return sources;
}

void PrintError(std::string_view error) {
  fmt::print(stderr, "rerankd: {}\n", EscapeControls(error));
}

int CannotStart(std::string_view why) {
  PrintError(why);
  return 1;
}

// Every connection is a file descriptor, and gRPC never listens again once it ran out of them. The
// soft limit is low for the sake of programs that use select(); we do not.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// The files that entries and settings name: of certificates and keys, and the places of Unix
// sockets; prints what is wrong with them.
bool CheckFiles(const ServerConfig& config) {
  bool good = true;
  const auto check = [&](const absl::Status& status) {
    if (status.ok()) return;
    PrintError(std::string(status.message()));
    good = false;
  };
  for (const std::string& address : config.service.listen) check(CheckListenFile(address));
  if (config.tls.enabled()) {
    check(LoadTlsFiles(config.tls, std::chrono::system_clock::now()).status());
  }
  if (!config.keys_file.empty()) {
    check(
        AccessControl::Open(config.keys_file, nullptr, std::chrono::steady_clock::now()).status());
  }
  for (const ModelEntry& model : config.models) {
    if (model.kind == EntryKind::kHosted) check(CheckHostedFiles(model));
  }
  return good;
}

int Serve(const ServerConfig& config) {
  if (config.models.front().path == kBuildDefaultModel && !fs::exists(kBuildDefaultModel)) {
    return CannotStart(fmt::format(
        "no model is configured, and the default one is neither installed beside the program nor "
        "in {}, where the build had it; name a model with --model",
        kBuildDefaultModel));
  }
  RaiseFileLimit();
  ShutdownSignal shutdown;        // before any other thread
  std::signal(SIGPIPE, SIG_IGN);  // a reader of the log that went away must not end the server
  const auto logger = std::make_shared<Logger>(config.log);
  SendGrpcLogTo(logger);
  absl::StatusOr<std::unique_ptr<App>> app = App::Load(config, *logger);
  shutdown.Arm();  // from the first call on there is something to drain
  const absl::Status status = app.ok() ? (*app)->Serve() : app.status();
  if (!status.ok()) return CannotStart(std::string(status.message()));
  shutdown.Wait();
  const bool all_ended = (*app)->Stop(config.grace_period);
  app->reset();
  logger->Info("stopped");
  return all_ended ? 0 : 1;
}

int Main(int argc, const char* const* argv) {
  ParsedCommandLine parsed = ParseCommandLine(argc, argv, kVersion);
  fmt::print("{}", parsed.output);
  if (!parsed.error.empty()) fmt::print(stderr, "{}\n", parsed.error);
  if (!parsed.command_line) return parsed.exit_code;

  const CommandLine::Command command = parsed.command_line->command;
  if (command == CommandLine::Command::kPrintSettings) {
    fmt::print("{}", SettingsTable());
    return 0;
  }
  const LoadedConfig loaded = LoadConfig(SourcesOf(*std::move(parsed.command_line)));
  for (const std::string& error : loaded.errors) PrintError(error);
  if (!loaded.errors.empty()) return 2;
  if (command == CommandLine::Command::kCheckConfig) {
    if (!CheckFiles(loaded.config)) return 2;
    fmt::print("OK\n{}", FormatConfig(loaded.config));
    return std::fflush(stdout) == 0 ? 0 : CannotStart("cannot write the output");
  }
  return Serve(loaded.config);
}

}  // namespace
}  // namespace rerankd

int main(int argc, char** argv) {
  try {
    return rerankd::Main(argc, argv);
  } catch (const std::exception& e) {
    return rerankd::CannotStart(e.what());
  }
}
