#include "engine/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace rerankd {
namespace {

TEST(WorkerPoolTest, RunsEverythingPostedBeforeItEnds) {
  std::atomic<int> done{0};
  {
    WorkerPool pool(3);
    for (int i = 0; i < 1000; ++i) pool.Post([&] { ++done; });
  }
  EXPECT_EQ(done, 1000);
}

TEST(WorkerPoolTest, WorkRunsSideBySide) {
  WorkerPool pool(2);
  std::latch both(2);
  std::latch done(2);
  // Each waits for the other: this ends only if two threads run them.
  for (int i = 0; i < 2; ++i) {
    pool.Post([&] {
      both.arrive_and_wait();
      done.count_down();
    });
  }
  done.wait();
}

TEST(WorkerPoolTest, WorkMayPostWork) {
  std::latch done(1);
  WorkerPool pool(1);
  pool.Post([&] { pool.Post([&] { done.count_down(); }); });
  done.wait();
}

}  // namespace
}  // namespace rerankd
