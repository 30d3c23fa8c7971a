// Calling a rerankd server from C++:
//
//   rerankd::client::Client client({.target = "127.0.0.1:50051"});
//   auto answer = client.Rerank("what is a panda?", {"hi", "a bear of China"}, {.top_k = 1});
//   if (!answer.ok()) return answer.status();
//   answer->results[0].index;  // 1
//
// CMake: find_package(rerankd_client), then link rerankd::client.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
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
  // The caller's own key of the provider that hosts the model, where the server allows that.
  std::string provider_key;
  // Stopped: the call ends with CANCELLED, and the server drops its work.
  std::stop_token cancel;
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

// A call is sent again after UNAVAILABLE, after CANCELLED by the server, and after
// RESOURCE_EXHAUSTED where it says when to come back, as long as its deadline allows: a pause that
// would outlast it is not begun, the caller gets the error at once. The pause is what the server
// asks for (RetryInfo) and, on top of that, a random part of a backoff that doubles from one
// attempt to the next.
struct RetryOptions {
  int max_attempts = 5;  // 1: never sent again
  std::chrono::milliseconds initial_backoff{100};
  std::chrono::milliseconds max_backoff{2'000};
};

// Certificates and keys are PEM texts, not the names of files.
struct TlsOptions {
  std::string root_certificates;  // to trust; empty: the system's
  std::string server_name;        // in the server's certificate; empty: the target's host
  std::string certificate_chain;  // this client's own, for a server that asks for one
  std::string private_key;
};

// Calls a server, or in turn those of all addresses that the target stands for. A connection is
// made when it is first needed, and again whenever it was lost. Safe for concurrent use. Every
// method blocks until the answer is there or the deadline of Options has passed, retries included;
// errors have the server's gRPC status code and message. INVALID_ARGUMENT without asking the
// server: a text is not valid UTF-8, or metadata is not printable ASCII.
class Client {
 public:
  struct Options {
    std::string target = "127.0.0.1:50051";  // "host:port", "unix:/path", or any gRPC name
    std::chrono::milliseconds deadline{30'000};
    RetryOptions retry;
    // The largest request that is sent; a larger one fails with RESOURCE_EXHAUSTED. The server's
    // default (its setting max_message_bytes). Answers have no limit: they are about as large as
    // their requests at most.
    size_t max_message_bytes = size_t{64} << 20;
    std::optional<TlsOptions> tls;  // unset: plain text
    std::string api_key;  // of the server, or of a proxy before it: "authorization: Bearer KEY"
    std::vector<std::pair<std::string, std::string>> metadata;  // of every call; lower-case names
  };

  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

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

  // Asks again and again, whatever the answer, until that is true or the deadline has passed: then
  // the last answer.
  absl::StatusOr<bool> WaitUntilServing(const std::string& part = "");

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerankd::client
