#include "server/shutdown_signal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace rerankd {
namespace {

TEST(ShutdownSignalTest, TheFirstSignalEndsTheWait) {
  ShutdownSignal shutdown;
  shutdown.Arm();
  kill(getpid(), SIGTERM);
  EXPECT_EQ(shutdown.Wait(), SIGTERM);
  EXPECT_EQ(shutdown.Wait(), SIGTERM) << "and stays known";
}

TEST(ShutdownSignalTest, ManyComeAndGo) {
  for (int i = 0; i < 100; ++i) {
    ShutdownSignal shutdown;
    shutdown.Arm();
  }
}

using ShutdownSignalDeathTest = testing::Test;

TEST(ShutdownSignalDeathTest, ASecondSignalEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ShutdownSignal shutdown;
        shutdown.Arm();
        kill(getpid(), SIGINT);
        shutdown.Wait();
        kill(getpid(), SIGTERM);
        pause();
      },
      testing::ExitedWithCode(128 + SIGTERM), "");
}

TEST(ShutdownSignalDeathTest, BeforeThereIsAnythingToDrainOneSignalIsEnough) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ShutdownSignal shutdown;
        kill(getpid(), SIGINT);
        pause();
      },
      testing::ExitedWithCode(128 + SIGINT), "");
}

}  // namespace
}  // namespace rerankd
