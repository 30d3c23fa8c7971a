// What tracing allocates for a call: nothing, unless the call is traced.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "observability/tracing/trace_context.h"
#include "service/call_tracer.h"
#include "support/allocation_count.h"

namespace rerankd {
namespace {

constexpr char kSampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kNotSampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

class TracingAllocationTest : public testing::Test {
 protected:
  // What the service does for each call, whether there is a tracer or not.
  std::shared_ptr<TracedCall> Begin(const CallTracer* tracer, const char* traceparent) const {
    std::optional<TraceContext> caller;
    if (traceparent != nullptr) caller = ParseTraceparent(traceparent);
    return BeginTrace(tracer, caller, [this] { return state_; }, std::chrono::steady_clock::now());
  }

  const std::string state_ = "vendor=a-value-that-fits-in-no-string-without-memory-of-its-own";
  const std::shared_ptr<SpanQueue> queue_ = std::make_shared<SpanQueue>(SpanQueue::Options());
};

TEST_F(TracingAllocationTest, WithoutATracerACallCostsNoMemory) {
  for (const char* const traceparent :
       {static_cast<const char*>(nullptr), kSampled, kNotSampled, "malformed"}) {
    EXPECT_EQ(CountAllocations([&] { Begin(nullptr, traceparent); }), 0U);
  }
}

TEST_F(TracingAllocationTest, NorDoesOneThatIsNotSampled) {
  const CallTracer tracer(Sampler(0), queue_);
  Begin(&tracer, nullptr);  // the thread's random numbers are there from then on
  EXPECT_EQ(CountAllocations([&] { Begin(&tracer, nullptr); }), 0U);
  EXPECT_EQ(CountAllocations([&] { Begin(&tracer, kNotSampled); }), 0U);
  EXPECT_EQ(CountAllocations([&] { Begin(&tracer, "malformed"); }), 0U);
}

TEST_F(TracingAllocationTest, OneThatIsTracedDoes) {
  const CallTracer tracer(Sampler(0), queue_);
  EXPECT_GT(CountAllocations([&] { Begin(&tracer, kSampled); }), 0U);
}

}  // namespace
}  // namespace rerankd
