// What tracing allocates for a call: nothing, unless the call is traced.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "observability/tracing/trace_context.h"
#include "service/call_tracer.h"

namespace rerankd {
namespace {

// Of this thread, since it began.
size_t& AllocationsOfThread() {
  thread_local size_t count = 0;
  return count;
}

// How often `code` allocates on this thread.
template <typename Code>
size_t CountAllocations(const Code& code) {
  const size_t before = AllocationsOfThread();
  code();
  return AllocationsOfThread() - before;
}

}  // namespace
}  // namespace rerankd

// Array forms end in these. Inlined, the compiler would see free() of what came from new.
[[gnu::noinline]] void* operator new(size_t size) {
  ++rerankd::AllocationsOfThread();
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
// Else AddressSanitizer's would meet our delete.
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++rerankd::AllocationsOfThread();
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

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
