// A model that can be loaded, loaded again and unloaded while calls come and go.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "core/availability.h"
#include "core/model_info.h"
#include "core/reranker.h"
#include "util/clock.h"

namespace rerankd {

// Stands before a Reranker that a loader makes, under one name. All methods are safe for concurrent
// use and none blocks; what blocks (loading, ending a model) runs on a thread of this object, one
// thing after the other.
//
// A call goes to the model that is there when it comes, and keeps that one until it is answered:
//  - Reload: the new one is made, and warm, while the old one serves. Then calls go to the new one,
//    and the old one ends once it has answered what it had taken. No more than two are ever there.
//  - Unload: the model takes no more calls, answers what it had taken, and ends. Its memory goes
//    back to the system.
//  - A model that is loaded on demand is loaded for the first call that finds it missing. Such
//    calls wait, without a thread, in a queue with a bound; each until its own deadline.
// A load that fails leaves what was there.
class ManagedModel : public Reranker {
 public:
  struct Loaded {
    ModelInfo info;
    std::shared_ptr<Reranker> reranker;
    // What the model says of itself while it is there; null: it can always serve.
    std::shared_ptr<Availability> availability = nullptr;
  };
  // Makes the model, and blocks for as long as that takes. Should end soon once `stop` is
  // requested; the result is then ignored if it is an error.
  using Loader = std::function<absl::StatusOr<Loaded>(std::stop_token stop)>;
  // How a command went; runs exactly once, on any thread, and must not block. What it throws on a
  // thread of this object is lost.
  using Finished = absl::AnyInvocable<void(absl::Status) &&>;

  struct Options {
    ModelInfo info;          // what is known before it is loaded
    bool on_demand = false;  // a call loads it
    // Loaded on demand, it is unloaded after so long without a call; 0: never.
    Duration unload_after{0};
    // Loaded on demand, it is tried again by the first call so long after a load has failed.
    Duration retry_after = std::chrono::seconds(10);
    size_t max_waiting_documents = 100'000;  // of calls that wait for the model to be loaded
    size_t max_commands = 64;                // that are not finished; more are refused
    // Told when a model has ended and its memory was given back; may be empty.
    std::function<void()> on_freed;
  };

  // Nothing is loaded yet.
  ManagedModel(Options options, Loader loader);
  // Answers calls and commands that still wait with UNAVAILABLE, asks a running load to stop and
  // waits for it, and ends the model: how its calls then end is up to the Reranker.
  // REQUIRES: no other method runs.
  ~ManagedModel() override;

  // FAILED_PRECONDITION (MODEL_NOT_LOADED, MODEL_FAILED): the model is not there, and no load is
  // under way or would be made for this call. UNAVAILABLE (MODEL_FAILED) where the loader said so.
  // RESOURCE_EXHAUSTED (QUEUE_FULL): too many calls wait for it to be loaded.
  void Rerank(RerankRequest request, Done done) override;

  // Each finishes with OK, with what a call would get (MODEL_FAILED; MODEL_NOT_LOADED where an
  // unload stopped it), with RESOURCE_EXHAUSTED (TOO_MANY_COMMANDS) when too many are not finished
  // yet, or with UNAVAILABLE when the object goes away. Equal commands that wait in a row are one.
  // Loads the model unless it is there.
  void Load(Finished finished);
  // Loads the model again, or for the first time; finishes once calls go to the new one.
  void Reload(Finished finished);
  // Unloads the model; finishes once its memory was given back. A load under way is asked to stop.
  void Unload(Finished finished);

  const std::string& name() const;
  ModelStatus status() const;

  // From now on `observer` is called after every change of status(), on a thread of this object or
  // of the model's availability, in place of any earlier observer. It must not block.
  void Observe(std::function<void()> observer);

 private:
  class Impl;
  // Shared with the calls in progress, which may end after this object does.
  const std::shared_ptr<Impl> impl_;
  std::jthread keeper_;  // drops waiting calls
  std::jthread worker_;  // loads and ends models
};

}  // namespace rerankd
