#include "service/grpc_log.h"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/version_info.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "observability/log_throttle.h"
#include "util/mutex.h"
#include "util/no_throw.h"

namespace rerankd {
namespace {

void KeepTracesOff(Logger& logger) {
  const char* const asked = std::getenv("GRPC_TRACE");
  if (asked == nullptr || *asked == '\0') return;
  logger.Warning("GRPC_TRACE is not heeded: keys and texts of callers would be in the log", {});
  setenv("GRPC_TRACE", "", 1);
}

}  // namespace

#if GRPC_CPP_VERSION_MAJOR == 1 && GRPC_CPP_VERSION_MINOR < 65

namespace {

class GrpcLog {
 public:
  explicit GrpcLog(std::shared_ptr<Logger> logger) : logger_(std::move(logger)) {}

  void Write(const gpr_log_func_args& line) RERANKD_EXCLUDES(mutex_) {
    const std::string_view file(line.file);
    const std::string place =
        fmt::format("{}:{}", file.substr(file.find_last_of('/') + 1), line.line);
    if (line.severity != GPR_LOG_SEVERITY_ERROR) {
      logger_->Debug("gRPC", {{"says", line.message}, {"at", place}});
      return;
    }
    std::optional<uint64_t> left_out;
    {
      const MutexLock lock(mutex_);
      left_out = throttle_.Admit(place, std::chrono::steady_clock::now());
    }
    if (!left_out.has_value()) return;
    logger_->Warning("gRPC",
                     {{"says", line.message}, {"at", place}, {"left_out_before", *left_out}});
  }

 private:
  const std::shared_ptr<Logger> logger_;
  Mutex mutex_;
  LogThrottle throttle_ RERANKD_GUARDED_BY(mutex_){std::chrono::minutes(1)};
};

std::atomic<GrpcLog*> grpc_log{nullptr};

void Write(gpr_log_func_args* line) {
  (void)WithoutThrowing([&] {
    grpc_log.load()->Write(*line);
    return absl::OkStatus();
  });
}

}  // namespace

void SendGrpcLogTo(std::shared_ptr<Logger> logger) {
  KeepTracesOff(*logger);
  grpc_log = new GrpcLog(std::move(logger));  // never deleted: it may be in use
  gpr_set_log_function(Write);
}

#else

void SendGrpcLogTo(std::shared_ptr<Logger> logger) { KeepTracesOff(*logger); }

#endif

}  // namespace rerankd
