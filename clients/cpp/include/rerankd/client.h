// Calling a rerankd server from C++:
//
//   rerankd::client::Client client({.target = "127.0.0.1:50051"});
//   auto answer = client.Rerank("what is a panda?", {"hi", "a bear of China"}, {.top_k = 1});
//   if (!answer.ok()) return answer.status();
//   answer->results[0].index;  // 1
//
// Link rerankd_client, rerankd_proto, gRPC (grpc++), protobuf, Abseil (status, statusor, cord).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rerankd::client {

enum class ScoreKind {
  kModelDefault,
  kRaw,
  kSigmoid,
  kProvider,  // a hosted provider's own score
};
enum class Truncation { kModelDefault, kOnlyDocument, kLongestFirst, kRefuse };

struct RerankOptions {
  size_t top_k = 0;   // results to return, best first; 0: all
  std::string model;  // empty: the server's default
  bool return_documents = false;
  ScoreKind score_kind = ScoreKind::kModelDefault;
  Truncation truncation = Truncation::kModelDefault;
  std::string request_id;  // printable ASCII, for the server's log; empty: the server makes one up
};

struct RankedDocument {
  size_t index = 0;  // position in the documents that were sent
  float score = 0;   // higher is better
  bool truncated = false;
  std::optional<std::string> document;  // when it was asked for
};

struct RerankAnswer {
  std::vector<RankedDocument> results;  // best first
  std::string model;
  ScoreKind score_kind = ScoreKind::kModelDefault;  // of all scores; never kModelDefault
  uint64_t query_tokens = 0;
  uint64_t document_tokens = 0;
  uint64_t total_tokens = 0;
  double billed_units = 0;  // a hosted provider's units of billing other than tokens
  std::chrono::nanoseconds tokenize{};
  std::chrono::nanoseconds queue{};
  std::chrono::nanoseconds compute{};
  std::string request_id;
};

enum class ModelState { kUnknown, kNotLoaded, kLoading, kReady, kFailed, kUnloading };

// What is known only from a model's files is empty until the server has loaded it.
struct Model {
  std::string name;
  std::vector<std::string> aliases;
  ModelState state = ModelState::kUnknown;
  std::string error;  // why the last attempt to load it failed
  std::string kind;
  std::string architecture;
  uint32_t max_tokens = 0;
  std::string device;
  std::string precision;
  ScoreKind default_score_kind = ScoreKind::kModelDefault;
  Truncation default_truncation = Truncation::kModelDefault;
  uint64_t parameters = 0;
  bool is_default = false;
};

// What a failed call says beyond its code and message; empty where the server said nothing.
struct ErrorDetails {
  struct FieldViolation {
    std::string field;  // for example "documents[3]"
    std::string description;
  };
  std::string reason;  // stable, for programs: "UNKNOWN_MODEL"
  std::vector<FieldViolation> violations;
  std::optional<std::chrono::milliseconds> retry_after;
};
ErrorDetails DetailsOf(const absl::Status& status);

// One connection to one server, made when it is first needed and again whenever it was lost.
// Safe for concurrent use. Every method blocks until the answer is there or the deadline of
// Options has passed; errors have the server's gRPC status code and message.
class Client {
 public:
  struct Options {
    std::string target = "127.0.0.1:50051";  // "host:port", "unix:/path", or any gRPC name
    std::chrono::milliseconds deadline{30'000};
  };

  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // INVALID_ARGUMENT without asking the server: a text is not valid UTF-8, or the request_id is not
  // printable ASCII.
  absl::StatusOr<RerankAnswer> Rerank(const std::string& query,
                                      const std::vector<std::string>& documents,
                                      const RerankOptions& options = {});

  absl::StatusOr<std::vector<Model>> ListModels();

  // Load a model, load it again while the old one serves, unload it; by name or alias. Each returns
  // once that is done, with the model as it is then; it goes on when the deadline passes first.
  // PERMISSION_DENIED: the server does not allow it (its setting "admin").
  absl::StatusOr<Model> LoadModel(const std::string& name);
  absl::StatusOr<Model> ReloadModel(const std::string& name);
  absl::StatusOr<Model> UnloadModel(const std::string& name);

  // Whether the server (empty `part`), a model or "rerank.v1.RerankService" takes calls now.
  // NOT_FOUND: the server has no such part.
  absl::StatusOr<bool> IsServing(const std::string& part = "");

  // Asks again and again until that is true or the deadline has passed: then the last answer.
  absl::StatusOr<bool> WaitUntilServing(const std::string& part = "");

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerankd::client
