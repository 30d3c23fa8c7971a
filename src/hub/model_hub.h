// A model's id to a local folder: from huggingface_hub's own cache, or from the hub into it. A
// cache that Python filled is used and the reverse, also at the same time.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>

#include "absl/status/statusor.h"
#include "http/http_client.h"
#include "hub/hub_options.h"
#include "hub/model_id.h"
#include "hub/progress.h"

namespace rerankd {

// Safe for concurrent use; two calls, or two processes, that need the same file fetch it once.
class ModelHub {
 public:
  explicit ModelHub(HubOptions options);
  // `client` is for tests; it must outlive this object.
  ModelHub(HubOptions options, HttpClient* client);
  ~ModelHub();
  ModelHub(const ModelHub&) = delete;
  ModelHub& operator=(const ModelHub&) = delete;

  // The folder that holds every file of the model that a server reads, fetched and verified where
  // the cache lacks it. Blocks; several downloads run at once. What an interrupted call has fetched
  // is used by the next one.
  //
  // A commit that is whole in the cache is answered without a question to the hub. A branch or a
  // tag is looked up; when the hub cannot be reached or refuses the token, what the cache has for
  // it is used, with a message.
  //
  // Each error is one line that says what to do: INVALID_ARGUMENT (the options), NOT_FOUND (no such
  // model, revision or file; offline and not in the cache), PERMISSION_DENIED (private or gated),
  // UNAVAILABLE (network, hub, its rate limit), RESOURCE_EXHAUSTED (disk), DATA_LOSS (wrong hash
  // or size), FAILED_PRECONDITION (no weights that can be read; an answer that no hub gives; a
  // cache that cannot be written), CANCELLED (`stop`).
  absl::StatusOr<std::filesystem::path> Resolve(const ModelId& id, const HubObserver& observer = {},
                                                const std::stop_token& stop = {});

 private:
  const HubOptions options_;
  const std::unique_ptr<HttpClient> owned_client_;
  HttpClient* const client_;
};

}  // namespace rerankd
