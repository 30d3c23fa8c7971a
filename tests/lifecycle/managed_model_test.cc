#include "lifecycle/managed_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/availability.h"
#include "core/errors.h"
#include "support/fake_loader.h"

namespace rerankd {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): for 1s
using testing::HasSubstr;

RerankRequest Request(std::string document = "a document") {
  RerankRequest request;
  request.query = "q";
  request.documents = {std::move(document)};
  return request;
}

// What waits for an answer, which comes on some thread.
template <typename Value>
class Answer {
 public:
  auto Taker() {
    return [promise = promise_](Value value) { promise->set_value(std::move(value)); };
  }
  Value Get() {
    if (future_.wait_for(60s) != std::future_status::ready) {
      ADD_FAILURE() << "no answer";
      std::abort();
    }
    return future_.get();
  }
  bool ready() const { return future_.wait_for(0s) == std::future_status::ready; }

 private:
  std::shared_ptr<std::promise<Value>> promise_ = std::make_shared<std::promise<Value>>();
  std::future<Value> future_ = promise_->get_future();
};
using Result = Answer<absl::StatusOr<RerankResult>>;
using Outcome = Answer<absl::Status>;

class ManagedModelTest : public testing::Test {
 protected:
  static ManagedModel::Options OnDemand() {
    ManagedModel::Options options;
    options.info.name = "mini";
    options.on_demand = true;
    return options;
  }
  static ManagedModel::Options AtStart() {
    ManagedModel::Options options = OnDemand();
    options.on_demand = false;
    return options;
  }
  void Make(ManagedModel::Options options) {
    options.on_freed = [this] { ++freed_; };
    model_.emplace(std::move(options), loader_.loader());
  }

  absl::Status Load() { return Run(&ManagedModel::Load); }
  absl::Status Reload() { return Run(&ManagedModel::Reload); }
  absl::Status Unload() { return Run(&ManagedModel::Unload); }
  absl::StatusOr<RerankResult> Rerank(RerankRequest request = Request()) {
    Result result;
    model_->Rerank(std::move(request), result.Taker());
    return result.Get();
  }
  ModelState state() const { return model_->status().state; }
  // Blocks until the model is in that state, of which its observer hears.
  void WaitForState(ModelState state) {
    struct Watch {
      ManagedModel* model;
      ModelState state;
      std::atomic<bool> seen{false};
      std::promise<void> there;
      void Look() {
        if (model->status().state == state && !seen.exchange(true)) there.set_value();
      }
    };
    const auto watch = std::make_shared<Watch>();
    watch->model = &*model_;
    watch->state = state;
    std::future<void> there = watch->there.get_future();
    model_->Observe([watch] { watch->Look(); });
    watch->Look();
    ASSERT_EQ(there.wait_for(60s), std::future_status::ready);
  }

  FakeLoader loader_;
  std::atomic<int> freed_{0};
  std::optional<ManagedModel> model_;

 private:
  absl::Status Run(void (ManagedModel::*command)(ManagedModel::Finished)) {
    Outcome outcome;
    ((*model_).*command)(outcome.Taker());
    return outcome.Get();
  }
};

TEST_F(ManagedModelTest, ShowsWhatTheModelSaysOfItself) {
  const auto availability = std::make_shared<Availability>();
  ManagedModel model(AtStart(),
                     [&](const std::stop_token&) -> absl::StatusOr<ManagedModel::Loaded> {
                       return ManagedModel::Loaded{.info = {.name = "mini"},
                                                   .reranker = std::make_shared<FakeReranker>(),
                                                   .availability = availability};
                     });
  std::atomic<int> changes{0};
  model.Observe([&] { ++changes; });
  Outcome loaded;
  model.Load(loaded.Taker());
  ASSERT_TRUE(loaded.Get().ok());
  EXPECT_TRUE(model.status().can_serve);
  const int before = changes;
  availability->Set({.can_serve = false, .problem = "nobody answers"});
  EXPECT_EQ(changes, before + 1);
  EXPECT_FALSE(model.status().can_serve);
  EXPECT_EQ(model.status().error, "nobody answers");
  EXPECT_EQ(model.status().state, ModelState::kReady);
  availability->Set({.can_serve = false, .problem = "nobody answers"});
  EXPECT_EQ(changes, before + 1) << "nothing changed";
  availability->Set({});
  EXPECT_TRUE(model.status().can_serve);
  EXPECT_EQ(model.status().error, "");
  Outcome unloaded;
  model.Unload(unloaded.Taker());
  ASSERT_TRUE(unloaded.Get().ok());
  EXPECT_FALSE(model.status().can_serve);
}

TEST_F(ManagedModelTest, ServesOnceItIsLoaded) {
  Make(AtStart());
  EXPECT_EQ(state(), ModelState::kNotLoaded);
  EXPECT_FALSE(model_->status().can_serve);
  EXPECT_EQ(model_->status().info.architecture, "");
  ASSERT_TRUE(Load().ok());
  EXPECT_EQ(state(), ModelState::kReady);
  EXPECT_TRUE(model_->status().can_serve);
  EXPECT_EQ(model_->status().info.architecture, "Fake1");
  const absl::StatusOr<RerankResult> result = Rerank(Request("four"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->documents[0].score, 4);
  EXPECT_TRUE(Load().ok()) << "it is there already";
  EXPECT_EQ(loader_.loads(), 1);
}

TEST_F(ManagedModelTest, ACallLoadsNothingUnlessItMay) {
  Make(AtStart());
  const absl::Status status = Rerank().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "MODEL_NOT_LOADED");
  EXPECT_EQ(loader_.loads(), 0);
}

TEST_F(ManagedModelTest, TheFirstCallsLoadItOnceAndWait) {
  Make(OnDemand());
  EXPECT_TRUE(model_->status().can_serve) << "it would be loaded for the call";
  loader_.HoldBack();
  std::vector<Result> results(8);
  for (size_t i = 0; i < results.size(); ++i) {
    model_->Rerank(Request(std::string(i + 1, 'x')), results[i].Taker());
  }
  ASSERT_TRUE(loader_.WaitForLoads(1));
  EXPECT_EQ(state(), ModelState::kLoading);
  EXPECT_TRUE(model_->status().can_serve);
  for (const Result& result : results) EXPECT_FALSE(result.ready());
  loader_.Release();
  for (size_t i = 0; i < results.size(); ++i) {
    const absl::StatusOr<RerankResult> result = results[i].Get();
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->documents[0].score, i + 1);
  }
  EXPECT_EQ(loader_.loads(), 1);
}

TEST_F(ManagedModelTest, AWaitingCallIsDroppedAtItsDeadline) {
  Make(OnDemand());
  loader_.HoldBack();
  RerankRequest request = Request();
  request.deadline = std::chrono::steady_clock::now() + 20ms;
  EXPECT_EQ(Rerank(std::move(request)).status().code(), absl::StatusCode::kDeadlineExceeded);
  request = Request();
  request.deadline = std::chrono::steady_clock::now() - 1s;
  EXPECT_EQ(Rerank(std::move(request)).status().code(), absl::StatusCode::kDeadlineExceeded);
  loader_.Release();
  EXPECT_TRUE(Rerank().ok());
}

TEST_F(ManagedModelTest, AWaitingCallIsDroppedWhenItsCallerGoes) {
  Make(OnDemand());
  loader_.HoldBack();
  std::stop_source caller;
  RerankRequest request = Request();
  request.cancelled = caller.get_token();
  Result waiting;
  model_->Rerank(request, waiting.Taker());
  ASSERT_TRUE(loader_.WaitForLoads(1));
  EXPECT_FALSE(waiting.ready());
  caller.request_stop();
  EXPECT_EQ(waiting.Get().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Rerank(request).status().code(), absl::StatusCode::kCancelled) << "gone before it came";
  loader_.Release();
  EXPECT_TRUE(Rerank().ok());
}

TEST_F(ManagedModelTest, OnlySoMuchWaits) {
  ManagedModel::Options options = OnDemand();
  options.max_waiting_documents = 2;
  Make(std::move(options));
  loader_.HoldBack();
  Result first;
  Result second;
  model_->Rerank(Request(), first.Taker());
  model_->Rerank(Request(), second.Taker());
  EXPECT_EQ(ReasonOf(Rerank().status()), "QUEUE_FULL");
  loader_.Release();
  EXPECT_TRUE(first.Get().ok());
  EXPECT_TRUE(second.Get().ok());
}

TEST_F(ManagedModelTest, AFailedLoadIsToldToWhoWaitsAndWhoComesLater) {
  Make(OnDemand());
  loader_.FailWith(absl::NotFoundError("no config.json"));
  const absl::Status first = Rerank().status();
  EXPECT_EQ(first.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(first), "MODEL_FAILED");
  EXPECT_THAT(std::string(first.message()), HasSubstr("\"mini\""));
  EXPECT_THAT(std::string(first.message()), HasSubstr("no config.json"));
  EXPECT_EQ(state(), ModelState::kFailed);
  EXPECT_FALSE(model_->status().can_serve);
  EXPECT_EQ(model_->status().error, "no config.json");
  loader_.FailWith(absl::OkStatus());
  EXPECT_EQ(Rerank().status(), first) << "not tried again so soon";
  EXPECT_EQ(loader_.loads(), 1);
  EXPECT_TRUE(Load().ok()) << "but when it is told to";
  EXPECT_TRUE(Rerank().ok());
  EXPECT_EQ(model_->status().error, "");
}

TEST_F(ManagedModelTest, AFailedLoadIsTriedAgainAfterAWhile) {
  ManagedModel::Options options = OnDemand();
  options.retry_after = 0s;
  Make(std::move(options));
  loader_.FailWith(absl::UnavailableError("the hub cannot be reached"));
  EXPECT_EQ(Rerank().status().code(), absl::StatusCode::kUnavailable) << "it may be over soon";
  loader_.FailWith(absl::OkStatus());
  EXPECT_TRUE(Rerank().ok());
  EXPECT_EQ(loader_.loads(), 2);
}

TEST_F(ManagedModelTest, WhatFailsAtTheStartStaysSoUntilItIsLoaded) {
  ManagedModel::Options options = AtStart();
  options.retry_after = 0s;
  Make(std::move(options));
  loader_.FailWith(absl::FailedPreconditionError("broken"));
  const absl::Status load = Load();
  EXPECT_THAT(std::string(load.message()), HasSubstr("broken"));
  EXPECT_EQ(Rerank().status(), load);
  EXPECT_EQ(loader_.loads(), 1);
  loader_.FailWith(absl::OkStatus());
  EXPECT_TRUE(Reload().ok());
  EXPECT_TRUE(Rerank().ok());
}

TEST_F(ManagedModelTest, ALoaderThatThrowsHasFailed) {
  model_.emplace(OnDemand(), [](const std::stop_token&) -> absl::StatusOr<ManagedModel::Loaded> {
    throw std::runtime_error("oops");
  });
  EXPECT_EQ(ReasonOf(Load()), "MODEL_FAILED");
  EXPECT_EQ(model_->status().error, "oops");
}

TEST_F(ManagedModelTest, AModelThatThrowsAnswersTheCallThatWaitedForIt) {
  model_.emplace(OnDemand(), [](const std::stop_token&) {
    auto model = std::make_shared<FakeReranker>();
    model->Behave([](const RerankRequest&, const Reranker::Done&) { throw std::bad_alloc(); });
    return ManagedModel::Loaded{{}, std::move(model)};
  });
  EXPECT_EQ(Rerank().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(ManagedModelTest, TheOldModelServesUntilTheNewOneIsThereAndThenEnds) {
  Make(AtStart());
  ASSERT_TRUE(Load().ok());
  const std::shared_ptr<FakeReranker> old = loader_.model(0);
  old->HoldBack();
  Result long_call;
  model_->Rerank(Request("long"), long_call.Taker());
  loader_.HoldBack();
  Outcome reload;
  model_->Reload(reload.Taker());
  ASSERT_TRUE(loader_.WaitForLoads(2));
  EXPECT_EQ(state(), ModelState::kReady);
  Result during;
  model_->Rerank(Request(), during.Taker());
  EXPECT_TRUE(old->WaitForHeld(2)) << "the old one takes it";
  loader_.Release();
  EXPECT_TRUE(reload.Get().ok());
  EXPECT_EQ(model_->status().info.architecture, "Fake2");
  EXPECT_TRUE(Rerank().ok()) << "the new one takes it";
  EXPECT_EQ(loader_.model(1)->calls(), 1);
  EXPECT_FALSE(long_call.ready());
  EXPECT_EQ(freed_, 0) << "the old one has not answered";
  old->Release();
  EXPECT_TRUE(long_call.Get().ok());
  EXPECT_TRUE(during.Get().ok());
  ASSERT_TRUE(Reload().ok());  // which waits until the old one has ended
  EXPECT_GE(freed_, 1);
}

TEST_F(ManagedModelTest, NoMoreThanTwoModelsAreEverThere) {
  Make(AtStart());
  ASSERT_TRUE(Load().ok());
  const std::shared_ptr<FakeReranker> old = loader_.model(0);
  old->HoldBack();
  Result long_call;
  model_->Rerank(Request(), long_call.Taker());
  ASSERT_TRUE(Reload().ok());
  Outcome next;
  model_->Reload(next.Taker());
  EXPECT_EQ(loader_.loads(), 2);
  EXPECT_FALSE(next.ready());
  old->Release();
  EXPECT_TRUE(next.Get().ok());
  EXPECT_EQ(loader_.loads(), 3);
}

TEST_F(ManagedModelTest, AFailedReloadLeavesTheOldModel) {
  Make(AtStart());
  ASSERT_TRUE(Load().ok());
  loader_.FailWith(absl::FailedPreconditionError("broken now"));
  EXPECT_THAT(std::string(Reload().message()), HasSubstr("broken now"));
  EXPECT_EQ(state(), ModelState::kReady);
  EXPECT_EQ(model_->status().error, "broken now");
  EXPECT_TRUE(model_->status().can_serve);
  EXPECT_TRUE(Rerank().ok());
  EXPECT_EQ(loader_.model(0)->calls(), 1);
}

TEST_F(ManagedModelTest, UnloadingAnswersWhatWasTaken) {
  Make(AtStart());
  ASSERT_TRUE(Load().ok());
  const std::shared_ptr<FakeReranker> old = loader_.model(0);
  old->HoldBack();
  Result taken;
  model_->Rerank(Request(), taken.Taker());
  Outcome unload;
  model_->Unload(unload.Taker());
  WaitForState(ModelState::kUnloading);
  EXPECT_FALSE(model_->status().can_serve);
  EXPECT_EQ(ReasonOf(Rerank().status()), "MODEL_NOT_LOADED");
  EXPECT_FALSE(unload.ready());
  old->Release();
  EXPECT_TRUE(taken.Get().ok());
  EXPECT_TRUE(unload.Get().ok());
  EXPECT_EQ(freed_, 1);
  EXPECT_EQ(state(), ModelState::kNotLoaded);
  EXPECT_EQ(model_->status().info.architecture, "Fake1") << "what is known stays known";
  EXPECT_TRUE(Unload().ok()) << "nothing to do";
  EXPECT_TRUE(Load().ok());
  EXPECT_TRUE(Rerank().ok());
}

TEST_F(ManagedModelTest, TheNextCallLoadsAnUnloadedModelOnceTheOldOneHasEnded) {
  Make(OnDemand());
  ASSERT_TRUE(Load().ok());
  const std::shared_ptr<FakeReranker> old = loader_.model(0);
  old->HoldBack();
  Result taken;
  model_->Rerank(Request(), taken.Taker());
  Outcome unload;
  model_->Unload(unload.Taker());
  WaitForState(ModelState::kUnloading);
  Result next;
  model_->Rerank(Request(), next.Taker());
  EXPECT_EQ(loader_.loads(), 1);
  old->Release();
  EXPECT_TRUE(unload.Get().ok());
  EXPECT_TRUE(next.Get().ok());
  EXPECT_EQ(loader_.loads(), 2);
}

TEST_F(ManagedModelTest, UnloadingStopsALoadThatRuns) {
  Make(OnDemand());
  loader_.HoldBack();
  Result waiting;
  model_->Rerank(Request(), waiting.Taker());
  Outcome load;
  model_->Load(load.Taker());
  ASSERT_TRUE(loader_.WaitForLoads(1));
  EXPECT_TRUE(Unload().ok());
  EXPECT_EQ(ReasonOf(load.Get()), "MODEL_NOT_LOADED");
  EXPECT_EQ(ReasonOf(waiting.Get().status()), "MODEL_NOT_LOADED");
  EXPECT_EQ(state(), ModelState::kNotLoaded) << "that is no failure";
  EXPECT_EQ(model_->status().error, "");
  loader_.Release();
  EXPECT_TRUE(Rerank().ok());
}

TEST_F(ManagedModelTest, AnIdleModelIsUnloadedAndComesBack) {
  ManagedModel::Options options = OnDemand();
  options.unload_after = 20ms;
  Make(std::move(options));
  ASSERT_TRUE(Rerank().ok());
  WaitForState(ModelState::kNotLoaded);
  EXPECT_EQ(freed_, 1);
  ASSERT_TRUE(Rerank().ok());
  EXPECT_EQ(loader_.loads(), 2);
}

TEST_F(ManagedModelTest, AModelWithACallIsNotIdle) {
  ManagedModel::Options options = OnDemand();
  options.unload_after = 1ms;
  auto fake = std::make_shared<FakeReranker>();
  fake->HoldBack();
  options.on_freed = [this] { ++freed_; };
  model_.emplace(std::move(options),
                 [fake](const std::stop_token&) { return ManagedModel::Loaded{{}, fake}; });
  Result first;
  Result second;
  model_->Rerank(Request(), first.Taker());
  ASSERT_TRUE(fake->WaitForHeld(1));
  // Its worker is awake and has nothing else to do, and yet the second call finds it there.
  EXPECT_TRUE(Load().ok());
  model_->Rerank(Request(), second.Taker());
  ASSERT_TRUE(fake->WaitForHeld(2));
  EXPECT_EQ(state(), ModelState::kReady);
  EXPECT_EQ(freed_, 0);
  fake->Release();
  EXPECT_TRUE(first.Get().ok());
  EXPECT_TRUE(second.Get().ok());
  WaitForState(ModelState::kNotLoaded);
}

TEST_F(ManagedModelTest, TheEndAnswersWhatWaits) {
  Make(OnDemand());
  loader_.HoldBack();
  Result waiting;
  Outcome load;
  Outcome unload;
  model_->Rerank(Request(), waiting.Taker());
  ASSERT_TRUE(loader_.WaitForLoads(1));
  model_->Load(load.Taker());
  model_.reset();
  EXPECT_EQ(waiting.Get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(load.Get().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ManagedModelTest, AModelMayAnswerAfterTheEnd) {
  Make(AtStart());
  ASSERT_TRUE(Load().ok());
  const std::shared_ptr<FakeReranker> fake = loader_.model(0);
  fake->HoldBack();
  Result late;
  model_->Rerank(Request(), late.Taker());
  Outcome unload;
  model_->Unload(unload.Taker());
  model_.reset();
  EXPECT_EQ(unload.Get().code(), absl::StatusCode::kUnavailable);
  fake->Release();
  EXPECT_TRUE(late.Get().ok());
}

TEST_F(ManagedModelTest, OnlySoManyCommandsWait) {
  ManagedModel::Options options = AtStart();
  options.max_commands = 3;
  Make(std::move(options));
  loader_.HoldBack();
  std::vector<Outcome> taken(3);
  model_->Load(taken[0].Taker());
  ASSERT_TRUE(loader_.WaitForLoads(1));
  model_->Reload(taken[1].Taker());
  model_->Load(taken[2].Taker());
  for (const absl::Status& refused : {Reload(), Load(), Unload()}) {
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ReasonOf(refused), "TOO_MANY_COMMANDS");
    EXPECT_TRUE(RetryAfterOf(refused).has_value());
    EXPECT_THAT(std::string(refused.message()), HasSubstr("\"mini\""));
  }
  loader_.Release();
  for (Outcome& outcome : taken) EXPECT_TRUE(outcome.Get().ok()) << "no refused unload stopped it";
  EXPECT_TRUE(Unload().ok()) << "there is room again";
}

TEST_F(ManagedModelTest, EqualCommandsThatWaitAreOne) {
  Make(AtStart());
  ASSERT_TRUE(Load().ok());
  loader_.HoldBack();
  std::vector<Outcome> reloads(4);
  model_->Reload(reloads[0].Taker());
  ASSERT_TRUE(loader_.WaitForLoads(2));
  for (size_t i = 1; i < reloads.size(); ++i) model_->Reload(reloads[i].Taker());
  loader_.Release();
  for (Outcome& reload : reloads) EXPECT_TRUE(reload.Get().ok());
  EXPECT_EQ(loader_.loads(), 3) << "one that ran, and one for all that came meanwhile";
}

// Whoever is told of an end may run out of memory over it, as may those who watch.
TEST_F(ManagedModelTest, NobodyWhoThrowsEndsTheThreads) {
  ManagedModel::Options options = OnDemand();
  options.on_freed = [] { throw std::bad_alloc(); };
  model_.emplace(std::move(options), loader_.loader());
  model_->Observe([] { throw std::runtime_error("oops"); });
  const auto fail = [](const auto&) { throw std::bad_alloc(); };
  model_->Load(fail);
  model_->Reload(fail);
  model_->Unload(fail);
  ASSERT_TRUE(Unload().ok());
  loader_.HoldBack();
  RerankRequest request = Request();
  request.deadline = std::chrono::steady_clock::now() - 1s;
  model_->Rerank(request, fail);
  EXPECT_EQ(Rerank(request).status().code(), absl::StatusCode::kDeadlineExceeded);
  model_->Rerank(Request(), fail);
  loader_.Release();
  EXPECT_TRUE(Rerank().ok());
  model_->Unload(fail);
  EXPECT_TRUE(Load().ok());
}

// Every call is answered, and rightly, whatever happens to the model in the meantime.
TEST_F(ManagedModelTest, CallsSurviveEverything) {
  ManagedModel::Options options = OnDemand();
  options.unload_after = 1ms;
  Make(std::move(options));
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::vector<std::jthread> clients;
  for (size_t client = 0; client < 4; ++client) {
    clients.emplace_back([&, client] {
      for (size_t i = 0; !stop; ++i) {
        const size_t length = 1 + (7 * client + i) % 100;
        const absl::StatusOr<RerankResult> result = Rerank(Request(std::string(length, 'x')));
        ASSERT_TRUE(result.ok()) << result.status();
        ASSERT_EQ(result->documents[0].score, length);
        ++answered;
      }
    });
  }
  // Until a client had its turn, too, which on a busy machine may take longer than all of these.
  for (int i = 0; i < 100 || answered == 0; ++i) {
    ASSERT_TRUE(Reload().ok());
  }
  stop = true;
  clients.clear();
  EXPECT_GT(answered, 0);
  EXPECT_EQ(loader_.overlaps(), 0);
}

TEST_F(ManagedModelTest, CallsCommandsAndCancellationsAtTheSameTime) {
  ManagedModel::Options options = OnDemand();
  options.unload_after = 1ms;
  options.max_commands = 8;  // some are refused
  Make(std::move(options));
  std::atomic<size_t> outcomes{0};
  constexpr size_t kClients = 4;
  constexpr size_t kCalls = 300;
  {
    std::vector<std::jthread> clients;
    for (size_t client = 0; client < kClients; ++client) {
      clients.emplace_back([&, client] {
        for (size_t i = 0; i < kCalls; ++i) {
          std::stop_source caller;
          RerankRequest request = Request();
          request.cancelled = caller.get_token();
          model_->Rerank(std::move(request),
                         [&](const absl::StatusOr<RerankResult>&) { ++outcomes; });
          if ((i + client) % 3 == 0) caller.request_stop();
          if (i % 10 == client) model_->Unload([](const absl::Status&) {});
          if (i % 15 == client) model_->Reload([](const absl::Status&) {});
          if (i % 20 == client) model_->Load([](const absl::Status&) {});
        }
      });
    }
  }
  const absl::Status last = Unload();
  EXPECT_TRUE(last.ok() || ReasonOf(last) == "TOO_MANY_COMMANDS") << last;
  model_.reset();
  EXPECT_EQ(outcomes, kClients * kCalls);
  EXPECT_EQ(loader_.overlaps(), 0);
}

}  // namespace
}  // namespace rerankd
