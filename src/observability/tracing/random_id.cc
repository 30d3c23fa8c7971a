#include "observability/tracing/random_id.h"

#include <algorithm>
#include <functional>
#include <random>

namespace rerankd {
namespace {

// Ids have to differ, not to be secret. One seed of many words a thread: two threads, or two
// processes that began at once, must not go through the same ids.
std::mt19937_64& Generator() {
  thread_local std::mt19937_64 generator = [] {
    std::random_device device;
    std::array<uint32_t, 16> words{};
    std::ranges::generate(words, std::ref(device));
    std::seed_seq seed(words.begin(), words.end());
    return std::mt19937_64(seed);
  }();
  return generator;
}

template <typename Id>
Id Random() {
  Id id{};
  do {
    for (size_t i = 0; i < id.size(); i += 8) {
      uint64_t bits = Generator()();
      for (size_t j = 0; j < 8; ++j, bits >>= 8U) id[i + j] = static_cast<uint8_t>(bits);
    }
  } while (id == Id{});
  return id;
}

}  // namespace

TraceId RandomTraceId() { return Random<TraceId>(); }
SpanId RandomSpanId() { return Random<SpanId>(); }

}  // namespace rerankd
