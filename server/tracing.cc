#include "server/tracing.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "config/collector_address.h"
#include "http/ca_file.h"
#include "observability/tracing/random_id.h"
#include "server/version.h"
#include "util/file.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// At the end of the program; a collector that does not answer must not hold it up.
constexpr std::chrono::seconds kFlushTime{2};

absl::StatusOr<std::string> RootCertificates(const EnvironmentLookup& environment) {
  const std::string file = environment("SSL_CERT_FILE").value_or("");
  if (file.empty()) return std::string();
  const absl::Status usable = CheckCaFile(file);
  if (!usable.ok()) {
    return absl::Status(usable.code(), fmt::format("tracing.endpoint: SSL_CERT_FILE: {}",
                                                   std::string(usable.message())));
  }
  return ReadFile(file);
}

}  // namespace

TracingOptions WithEnvironment(TracingOptions settings, const EnvironmentLookup& environment) {
  const std::string protocol = environment("OTEL_EXPORTER_OTLP_PROTOCOL").value_or("grpc");
  const std::string endpoint = environment("OTEL_EXPORTER_OTLP_ENDPOINT").value_or("");
  if (settings.endpoint.empty() && protocol == "grpc" && ParseCollectorAddress(endpoint).ok()) {
    settings.endpoint = endpoint;
  }
  if (settings.service_name.empty()) {
    settings.service_name = environment("OTEL_SERVICE_NAME").value_or("");
  }
  if (settings.service_name.empty()) settings.service_name = "rerankd";
  return settings;
}

absl::StatusOr<std::unique_ptr<Tracing>> Tracing::Open(const TracingOptions& options,
                                                       const EnvironmentLookup& environment,
                                                       Logger& logger) {
  RERANKD_ASSIGN_OR_RETURN(CollectorAddress address, ParseCollectorAddress(options.endpoint));
  OtlpExporter::Options exporter;
  exporter.target = std::move(address.target);
  exporter.tls = address.tls;
  if (address.tls) {
    RERANKD_ASSIGN_OR_RETURN(exporter.root_certificates, RootCertificates(environment));
  }
  exporter.resource = {.service_name = options.service_name,
                       .service_version = kVersion,
                       .instance_id = ToHex(RandomTraceId())};
  exporter.on_change = [&logger, endpoint = options.endpoint](const absl::Status& status) {
    if (status.ok()) {
      logger.Info("traces are delivered again", {{"endpoint", endpoint}});
    } else {
      logger.Warning("traces cannot be delivered; they are dropped until that is over",
                     {{"endpoint", endpoint}, {"error", status.ToString()}});
    }
  };
  logger.Info("tracing", {{"endpoint", options.endpoint},
                          {"sample_ratio", options.sample_ratio},
                          {"service_name", options.service_name}});
  return std::unique_ptr<Tracing>(new Tracing(options, std::move(exporter)));
}

Tracing::Tracing(const TracingOptions& options, OtlpExporter::Options exporter)
    : spans_(std::make_shared<SpanQueue>(SpanQueue::Options())),
      tracer_(std::make_shared<CallTracer>(Sampler(options.sample_ratio), spans_)),
      exporter_(std::move(exporter), spans_) {}

Tracing::~Tracing() { exporter_.Close(kFlushTime); }

}  // namespace rerankd
