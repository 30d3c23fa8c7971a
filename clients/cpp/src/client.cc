#include "rerankd/client.h"

#include <fmt/format.h>
#include <google/protobuf/duration.pb.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <random>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rerank/v1/model_admin.grpc.pb.h"
#include "rerank/v1/rerank.grpc.pb.h"
#include "retry_pause.h"
#include "util/utf8.h"

namespace rerankd::client {
namespace {

constexpr char kDetailsPayload[] = "google.rpc.Status";
constexpr char kRequestIdKey[] = "x-request-id";
constexpr char kProviderKeyKey[] = "x-rerank-provider-key";
constexpr char kAuthorizationKey[] = "authorization";
constexpr std::chrono::milliseconds kHealthPollInterval{100};

using SystemTime = std::chrono::system_clock::time_point;

absl::Status FromGrpc(const grpc::Status& status) {
  absl::Status out(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  if (!status.error_details().empty()) {
    out.SetPayload(kDetailsPayload, absl::Cord(absl::string_view(status.error_details())));
  }
  return out;
}

std::chrono::nanoseconds FromProto(const google::protobuf::Duration& duration) {
  return std::chrono::seconds(duration.seconds()) + std::chrono::nanoseconds(duration.nanos());
}

ScoreKind FromProto(rerank::v1::ScoreKind kind) {
  switch (kind) {
    case rerank::v1::SCORE_KIND_RAW:
      return ScoreKind::kRaw;
    case rerank::v1::SCORE_KIND_SIGMOID:
      return ScoreKind::kSigmoid;
    case rerank::v1::SCORE_KIND_PROVIDER:
      return ScoreKind::kProvider;
    default:
      return ScoreKind::kModelDefault;
  }
}

Truncation FromProto(rerank::v1::Truncation truncation) {
  switch (truncation) {
    case rerank::v1::TRUNCATION_ONLY_DOCUMENT:
      return Truncation::kOnlyDocument;
    case rerank::v1::TRUNCATION_LONGEST_FIRST:
      return Truncation::kLongestFirst;
    case rerank::v1::TRUNCATION_REFUSE:
      return Truncation::kRefuse;
    default:
      return Truncation::kModelDefault;
  }
}

rerank::v1::ScoreKind ToProto(ScoreKind kind) {
  switch (kind) {
    case ScoreKind::kModelDefault:
      break;
    case ScoreKind::kRaw:
      return rerank::v1::SCORE_KIND_RAW;
    case ScoreKind::kSigmoid:
      return rerank::v1::SCORE_KIND_SIGMOID;
    case ScoreKind::kProvider:
      return rerank::v1::SCORE_KIND_PROVIDER;
  }
  return rerank::v1::SCORE_KIND_UNSPECIFIED;
}

rerank::v1::Truncation ToProto(Truncation truncation) {
  switch (truncation) {
    case Truncation::kModelDefault:
      break;
    case Truncation::kOnlyDocument:
      return rerank::v1::TRUNCATION_ONLY_DOCUMENT;
    case Truncation::kLongestFirst:
      return rerank::v1::TRUNCATION_LONGEST_FIRST;
    case Truncation::kRefuse:
      return rerank::v1::TRUNCATION_REFUSE;
  }
  return rerank::v1::TRUNCATION_UNSPECIFIED;
}

ModelState FromProto(rerank::v1::ModelState state) {
  switch (state) {
    case rerank::v1::MODEL_STATE_NOT_LOADED:
      return ModelState::kNotLoaded;
    case rerank::v1::MODEL_STATE_LOADING:
      return ModelState::kLoading;
    case rerank::v1::MODEL_STATE_READY:
      return ModelState::kReady;
    case rerank::v1::MODEL_STATE_FAILED:
      return ModelState::kFailed;
    case rerank::v1::MODEL_STATE_UNLOADING:
      return ModelState::kUnloading;
    default:
      return ModelState::kUnknown;
  }
}

Model FromProto(const rerank::v1::Model& model) {
  return {.name = model.name(),
          .aliases = {model.aliases().begin(), model.aliases().end()},
          .state = FromProto(model.state()),
          .error = model.error(),
          .kind = model.kind(),
          .architecture = model.architecture(),
          .max_tokens = model.max_tokens(),
          .device = model.device(),
          .precision = model.precision(),
          .default_score_kind = FromProto(model.default_score_kind()),
          .default_truncation = FromProto(model.default_truncation()),
          .parameters = model.parameters(),
          .is_default = model.is_default()};
}

// protobuf would send it, and print a complaint of its own.
absl::Status CheckUtf8(std::string_view field, std::string_view text) {
  const auto offset = FindInvalidUtf8(text);
  if (!offset.has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{} is not valid UTF-8 (at byte {})", field, *offset));
}

absl::Status CheckTexts(const std::string& query, const std::vector<std::string>& documents,
                        const RerankOptions& options) {
  if (absl::Status status = CheckUtf8("query", query); !status.ok()) return status;
  if (absl::Status status = CheckUtf8("model", options.model); !status.ok()) return status;
  for (size_t i = 0; i < documents.size(); ++i) {
    if (absl::Status status = CheckUtf8(fmt::format("documents[{}]", i), documents[i]);
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

using Metadata = std::vector<std::pair<std::string, std::string>>;

// gRPC would abort the process. Values may be secret, so they are not shown.
absl::Status CheckMetadata(const Metadata& metadata) {
  for (const auto& [name, value] : metadata) {
    const bool good_name = !name.empty() && !name.ends_with("-bin") &&
                           std::all_of(name.begin(), name.end(), [](char c) {
                             return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                                    c == '_' || c == '.';
                           });
    if (!good_name) {
      return absl::InvalidArgumentError(
          "a name of metadata has characters other than a-z 0-9 - _ .");
    }
    if (!std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
      return absl::InvalidArgumentError(
          fmt::format("{} has characters other than printable ASCII", name));
    }
  }
  return absl::OkStatus();
}

// What every call of a client with these options carries.
Metadata CommonMetadata(const Client::Options& options) {
  Metadata metadata = options.metadata;
  if (!options.api_key.empty()) {
    metadata.emplace_back(kAuthorizationKey, fmt::format("Bearer {}", options.api_key));
  }
  return metadata;
}

// Between 0 and 1.
double Chance() {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>()(generator);
}

// False when `stop` came first.
bool Sleep(std::chrono::milliseconds pause, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, pause, [] { return false; });
  return !stop.stop_requested();
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const std::optional<TlsOptions>& tls) {
  if (!tls.has_value()) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({.pem_root_certs = tls->root_certificates,
                               .pem_private_key = tls->private_key,
                               .pem_cert_chain = tls->certificate_chain});
}

std::shared_ptr<grpc::Channel> Dial(const Client::Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(static_cast<int>(
      std::min<size_t>(options.max_message_bytes, std::numeric_limits<int>::max())));
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetLoadBalancingPolicyName("round_robin");
  // A server that is there again is found before a call has used up its attempts, whose pauses are
  // 750 ms or more together.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  // This one is not a pause: a connection may take so long to be made.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
  if (options.tls.has_value() && !options.tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls->server_name);
  }
  return grpc::CreateCustomChannel(options.target, Credentials(options.tls), arguments);
}

}  // namespace

ErrorDetails DetailsOf(const absl::Status& status) {
  ErrorDetails out;
  const auto payload = status.GetPayload(kDetailsPayload);
  google::rpc::Status details;
  if (!payload.has_value() || !details.ParseFromString(std::string(*payload))) return out;
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    google::rpc::RetryInfo retry;
    if (detail.UnpackTo(&info)) {
      out.reason = info.reason();
    } else if (detail.UnpackTo(&bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        out.violations.push_back({violation.field(), violation.description()});
      }
    } else if (detail.UnpackTo(&retry)) {
      out.retry_after =
          std::chrono::duration_cast<std::chrono::milliseconds>(FromProto(retry.retry_delay()));
    }
  }
  return out;
}

class Client::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        metadata_(CommonMetadata(options_)),
        channel_(Dial(options_)),
        rerank_(rerank::v1::RerankService::NewStub(channel_)),
        admin_(rerank::v1::ModelAdminService::NewStub(channel_)),
        health_(grpc::health::v1::Health::NewStub(channel_)) {}

  absl::StatusOr<RerankAnswer> Rerank(const std::string& query,
                                      const std::vector<std::string>& documents,
                                      const RerankOptions& options) {
    if (absl::Status status = CheckTexts(query, documents, options); !status.ok()) {
      return status;
    }
    rerank::v1::RerankRequest request;
    request.set_query(query);
    request.mutable_documents()->Add(documents.begin(), documents.end());
    request.set_top_k(static_cast<uint32_t>(
        std::min<size_t>(options.top_k, std::numeric_limits<uint32_t>::max())));
    request.set_model(options.model);
    request.set_return_documents(options.return_documents);
    request.set_score_kind(ToProto(options.score_kind));
    request.set_truncation(ToProto(options.truncation));

    Metadata metadata;
    if (!options.request_id.empty()) metadata.emplace_back(kRequestIdKey, options.request_id);
    if (!options.provider_key.empty()) metadata.emplace_back(kProviderKeyKey, options.provider_key);
    RerankAnswer answer;
    rerank::v1::RerankResponse response;
    absl::Status status = Send(
        [&](grpc::ClientContext* context) {
          grpc::Status outcome = rerank_->Rerank(context, request, &response);
          const auto& initial = context->GetServerInitialMetadata();
          if (const auto id = initial.find(kRequestIdKey); id != initial.end()) {
            answer.request_id.assign(id->second.data(), id->second.size());
          }
          return outcome;
        },
        metadata, options.cancel);
    if (!status.ok()) return status;

    answer.results.reserve(static_cast<size_t>(response.results_size()));
    for (rerank::v1::RerankResult& result : *response.mutable_results()) {
      if (result.index() >= documents.size()) {
        return absl::InternalError(
            fmt::format("the server ranked document {} of {}", result.index(), documents.size()));
      }
      RankedDocument& out = answer.results.emplace_back();
      out.index = result.index();
      out.score = result.score();
      out.truncated = result.truncated();
      if (result.has_document()) out.document = std::move(*result.mutable_document());
    }
    answer.model = response.model();
    answer.score_kind = FromProto(response.score_kind());
    answer.query_tokens = response.usage().query_tokens();
    answer.document_tokens = response.usage().document_tokens();
    answer.total_tokens = response.usage().total_tokens();
    answer.billed_units = response.usage().billed_units();
    answer.tokenize = FromProto(response.timings().tokenize());
    answer.queue = FromProto(response.timings().queue());
    answer.compute = FromProto(response.timings().compute());
    return answer;
  }

  absl::StatusOr<std::vector<Model>> ListModels() {
    rerank::v1::ListModelsResponse response;
    absl::Status status = Send(
        [&](grpc::ClientContext* context) { return rerank_->ListModels(context, {}, &response); });
    if (!status.ok()) return status;
    std::vector<Model> models;
    for (const rerank::v1::Model& model : response.models()) models.push_back(FromProto(model));
    return models;
  }

  // One of the admin service's RPCs, which differ in their messages.
  template <typename Request, typename Response>
  absl::StatusOr<Model> Admin(grpc::Status (rerank::v1::ModelAdminService::Stub::*call)(
                                  grpc::ClientContext*, const Request&, Response*),
                              const std::string& name) {
    if (absl::Status status = CheckUtf8("the name", name); !status.ok()) return status;
    Request request;
    request.set_name(name);
    Response response;
    absl::Status status = Send([&](grpc::ClientContext* context) {
      return (admin_.get()->*call)(context, request, &response);
    });
    if (!status.ok()) return status;
    return FromProto(response.model());
  }

  absl::StatusOr<bool> IsServing(const std::string& part) { return IsServing(part, Deadline()); }

  absl::StatusOr<bool> WaitUntilServing(const std::string& part) {
    const SystemTime deadline = Deadline();
    for (;;) {
      const absl::StatusOr<bool> answer = IsServing(part, deadline);
      const bool serving = answer.ok() && *answer;
      if (serving || std::chrono::system_clock::now() + kHealthPollInterval >= deadline) {
        return answer;
      }
      std::this_thread::sleep_for(kHealthPollInterval);
    }
  }

 private:
  SystemTime Deadline() const { return std::chrono::system_clock::now() + options_.deadline; }

  // Makes one call of as many attempts as it takes and options_ allow. `attempt` gets a context
  // that is ready, and returns the RPC's status.
  template <typename Attempt>
  absl::Status Send(const Attempt& attempt, const Metadata& metadata = {},
                    const std::stop_token& cancel = {}) {
    if (absl::Status status = CheckMetadata(metadata_); !status.ok()) return status;
    if (absl::Status status = CheckMetadata(metadata); !status.ok()) return status;
    const SystemTime deadline = Deadline();
    for (int attempts = 1;; ++attempts) {
      grpc::ClientContext context;
      context.set_deadline(deadline);
      for (const auto& [name, value] : metadata_) context.AddMetadata(name, value);
      for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
      absl::Status status;
      {
        // One that is stopped already cancels the call before it is sent.
        const std::stop_callback on_cancel(cancel, [&context] { context.TryCancel(); });
        status = FromGrpc(attempt(&context));
      }
      if (status.ok()) return status;
      const auto pause = RetryPause(options_.retry, attempts, status.code(),
                                    DetailsOf(status).retry_after, Chance());
      if (!pause.has_value() || std::chrono::system_clock::now() + *pause >= deadline)
        return status;
      if (!Sleep(*pause, cancel)) return absl::CancelledError("cancelled between two attempts");
    }
  }

  absl::StatusOr<bool> IsServing(const std::string& part, SystemTime deadline) {
    if (absl::Status status = CheckUtf8("the name", part); !status.ok()) return status;
    if (absl::Status status = CheckMetadata(metadata_); !status.ok()) return status;
    grpc::ClientContext context;
    context.set_deadline(deadline);
    for (const auto& [name, value] : metadata_) context.AddMetadata(name, value);
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(part);
    grpc::health::v1::HealthCheckResponse response;
    const grpc::Status status = health_->Check(&context, request, &response);
    if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
      return absl::NotFoundError(fmt::format("the server knows no \"{}\"", part));
    }
    if (!status.ok()) return FromGrpc(status);
    return response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
  }

  const Options options_;
  const Metadata metadata_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<rerank::v1::RerankService::Stub> rerank_;
  const std::unique_ptr<rerank::v1::ModelAdminService::Stub> admin_;
  const std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Client::~Client() = default;

absl::StatusOr<RerankAnswer> Client::Rerank(const std::string& query,
                                            const std::vector<std::string>& documents,
                                            const RerankOptions& options) {
  return impl_->Rerank(query, documents, options);
}

absl::StatusOr<std::vector<Model>> Client::ListModels() { return impl_->ListModels(); }

absl::StatusOr<Model> Client::LoadModel(const std::string& name) {
  return impl_->Admin(&rerank::v1::ModelAdminService::Stub::LoadModel, name);
}

absl::StatusOr<Model> Client::ReloadModel(const std::string& name) {
  return impl_->Admin(&rerank::v1::ModelAdminService::Stub::ReloadModel, name);
}

absl::StatusOr<Model> Client::UnloadModel(const std::string& name) {
  return impl_->Admin(&rerank::v1::ModelAdminService::Stub::UnloadModel, name);
}

absl::StatusOr<bool> Client::IsServing(const std::string& part) { return impl_->IsServing(part); }

absl::StatusOr<bool> Client::WaitUntilServing(const std::string& part) {
  return impl_->WaitUntilServing(part);
}

}  // namespace rerankd::client
