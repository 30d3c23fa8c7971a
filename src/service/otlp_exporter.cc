#include "service/otlp_exporter.h"

#include <fmt/format.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <array>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "opentelemetry/proto/collector/trace/v1/trace_service.grpc.pb.h"
#include "util/mutex.h"
#include "util/no_throw.h"

namespace rerankd {
namespace {

using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse;
using opentelemetry::proto::collector::trace::v1::TraceService;
using std::chrono::steady_clock;

std::shared_ptr<grpc::Channel> Connect(const OtlpExporter::Options& options) {
  grpc::ChannelArguments arguments;
  // gRPC's own two minutes would leave a collector that is back without traces for as long.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  if (options.tls) {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = options.root_certificates;
    credentials = grpc::SslCredentials(tls);
  } else {
    credentials = grpc::InsecureChannelCredentials();
  }
  return grpc::CreateCustomChannel(options.target, credentials, arguments);
}

}  // namespace

std::optional<Duration> ExportRetryDelay(const absl::Status& failure, int tries, double random) {
  constexpr int kMostTries = 5;
  if (tries >= kMostTries) return std::nullopt;
  switch (failure.code()) {
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      break;
    default:
      // RESOURCE_EXHAUSTED, too: asking again would only be more of it.
      return std::nullopt;
  }
  const auto longest = std::chrono::seconds(1) * (1 << (tries - 1));
  // Servers whose collector went away together come back one by one.
  return std::chrono::duration_cast<Duration>(longest * (0.5 + random / 2));
}

class OtlpExporter::Impl {
 public:
  Impl(Options options, std::shared_ptr<SpanQueue> spans)
      : options_(std::move(options)),
        queue_(std::move(spans)),
        stub_(TraceService::NewStub(Connect(options_))),
        thread_([this] { Loop(); }) {}

  void Close(Duration within) {
    if (!thread_.joinable()) return;
    {
      const MutexLock lock(mutex_);
      closing_ = true;
      changed_.NotifyAll();
    }
    queue_->Close();
    const TimePoint most = steady_clock::now() + within;
    {
      const MutexLock lock(mutex_);
      while (!finished_ && steady_clock::now() < most) changed_.WaitUntil(mutex_, most);
      gave_up_ = true;
      if (sending_ != nullptr) sending_->TryCancel();
    }
    thread_.join();
  }

 private:
  void Loop() RERANKD_EXCLUDES(mutex_) {
    for (std::vector<Span> spans; !(spans = queue_->WaitForBatch()).empty();) {
      const absl::Status sent = WithoutThrowing([&] { return Deliver(spans); });
      if (!sent.ok()) queue_->CountDropped(spans.size());
    }
    const MutexLock lock(mutex_);
    finished_ = true;
    changed_.NotifyAll();
  }

  absl::Status Deliver(const std::vector<Span>& spans) RERANKD_EXCLUDES(mutex_) {
    const ExportTraceServiceRequest request = ToOtlp(spans, options_.resource);
    for (int tries = 1;; ++tries) {
      absl::Status status = Send(request);
      Tell(status);
      if (status.ok()) return status;
      const std::optional<Duration> delay = ExportRetryDelay(status, tries, random_(generator_));
      if (!delay.has_value() || !Pause(*delay)) return status;
    }
  }

  absl::Status Send(const ExportTraceServiceRequest& request) RERANKD_EXCLUDES(mutex_) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + options_.timeout);
    {
      const MutexLock lock(mutex_);
      if (gave_up_) return absl::CancelledError("the server stops");
      sending_ = &context;
    }
    ExportTraceServiceResponse response;
    const grpc::Status status = stub_->Export(&context, request, &response);
    {
      const MutexLock lock(mutex_);
      sending_ = nullptr;
    }
    if (!status.ok()) {
      return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
    }
    // It took the rest, and does not want these again.
    if (const auto rejected = response.partial_success().rejected_spans(); rejected > 0) {
      queue_->CountDropped(static_cast<size_t>(rejected));
    }
    return absl::OkStatus();
  }

  void Tell(const absl::Status& status) RERANKD_EXCLUDES(mutex_) {
    if (status.ok() == delivers_) return;
    {
      const MutexLock lock(mutex_);
      if (gave_up_) return;  // what was broken off says nothing
    }
    delivers_ = status.ok();
    if (options_.on_change) options_.on_change(status);
  }

  // False: there is no time for another try, the server stops.
  bool Pause(Duration delay) RERANKD_EXCLUDES(mutex_) {
    const TimePoint until = steady_clock::now() + delay;
    const MutexLock lock(mutex_);
    while (!closing_ && steady_clock::now() < until) changed_.WaitUntil(mutex_, until);
    return !closing_;
  }

  const Options options_;
  const std::shared_ptr<SpanQueue> queue_;
  const std::unique_ptr<TraceService::Stub> stub_;
  // Of the thread.
  bool delivers_ = true;
  std::minstd_rand generator_{std::random_device()()};
  std::uniform_real_distribution<double> random_;

  Mutex mutex_;
  CondVar changed_;
  bool closing_ RERANKD_GUARDED_BY(mutex_) = false;   // no second tries any more
  bool gave_up_ RERANKD_GUARDED_BY(mutex_) = false;   // nor first ones
  bool finished_ RERANKD_GUARDED_BY(mutex_) = false;  // the queue is closed and empty
  grpc::ClientContext* sending_ RERANKD_GUARDED_BY(mutex_) = nullptr;
  std::jthread thread_;
};

OtlpExporter::OtlpExporter(Options options, std::shared_ptr<SpanQueue> spans)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(spans))) {}

OtlpExporter::~OtlpExporter() { Close(Duration(0)); }

void OtlpExporter::Close(Duration within) { impl_->Close(within); }

}  // namespace rerankd
