// How often a piece of code allocates. Replaces the program's operator new: for one source file of
// a test program of its own.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace rerankd {

// Of this thread, since it began.
inline size_t& AllocationsOfThread() {
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

}  // namespace rerankd

// The array and nothrow forms end in these. Inlined, the compiler would see free() of what came
// from new.
[[gnu::noinline]] void* operator new(size_t size) {
  ++rerankd::AllocationsOfThread();
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
