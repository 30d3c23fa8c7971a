#include "interruption.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

namespace rerankd::client {
namespace {

// In a process of its own: with one thread, and with an end of its own.
class InterruptionTest : public testing::Test {
 protected:
  InterruptionTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  static void WaitFor(const Interruption& interruption) {
    while (!interruption.token().stop_requested()) std::this_thread::yield();
  }
};

TEST_F(InterruptionTest, TheFirstSignalAsksAndTheSecondEnds) {
  const auto run = [] {
    const Interruption interruption;
    if (interruption.signal() != 0) std::_Exit(1);
    kill(getpid(), SIGINT);
    WaitFor(interruption);
    if (interruption.signal() != SIGINT) std::_Exit(2);
    kill(getpid(), SIGTERM);
    while (true) pause();
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(128 + SIGTERM), "");
}

TEST_F(InterruptionTest, WhatTheProcessIgnoresStaysIgnored) {
  const auto run = [] {
    std::signal(SIGINT, SIG_IGN);
    const Interruption interruption;
    kill(getpid(), SIGINT);
    kill(getpid(), SIGTERM);
    WaitFor(interruption);
    std::_Exit(interruption.signal() == SIGTERM ? 0 : 1);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
}

TEST_F(InterruptionTest, AfterItSignalsAreWhatTheyWere) {
  const auto run = [] {
    {
      const Interruption interruption;
    }
    kill(getpid(), SIGINT);
    while (true) pause();
  };
  EXPECT_EXIT(run(), testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace rerankd::client
