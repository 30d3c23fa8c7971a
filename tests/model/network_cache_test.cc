#include "model/network_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace rerankd {
namespace {

using NetworkOrStatus = absl::StatusOr<std::shared_ptr<const Network>>;

NetworkCache::Key KeyOf(uint64_t inode) {
  return {.weights = {{.device = 1, .inode = inode, .size = 10, .modified_ns = 5}},
          .device = "cpu",
          .precision = "fp32"};
}

NetworkOrStatus MakeNetwork() { return std::make_shared<const Network>(); }

NetworkOrStatus MustNotLoad() {
  ADD_FAILURE() << "loaded a second time";
  return absl::InternalError("loaded");
}

TEST(NetworkCacheTest, TheSameKeyIsTheSameNetworkWhileItIsUsed) {
  NetworkCache cache;
  const auto first = cache.Get(KeyOf(1), MakeNetwork).value();
  EXPECT_EQ(cache.Get(KeyOf(1), MustNotLoad).value(), first);
  NetworkCache::Key elsewhere = KeyOf(1);
  elsewhere.config.origin = "another/path/config.json";
  EXPECT_EQ(cache.Get(elsewhere, MustNotLoad).value(), first);
}

TEST(NetworkCacheTest, WhateverDiffersIsAnotherNetwork) {
  NetworkCache cache;
  const auto first = cache.Get(KeyOf(1), MakeNetwork).value();
  std::vector<NetworkCache::Key> others(7, KeyOf(1));
  others[0].weights[0].inode = 2;
  others[1].weights[0].modified_ns = 6;
  others[2].weights[0].size = 11;
  others[3].weights[0].device = 2;
  others[4].precision = "bf16";
  others[5].device = "cuda:0";
  others[6].config.layer_norm_eps = 1e-5;
  for (const NetworkCache::Key& key : others) {
    EXPECT_NE(cache.Get(key, MakeNetwork).value(), first);
  }
}

TEST(NetworkCacheTest, KeepsNothingAlive) {
  NetworkCache cache;
  const std::weak_ptr<const Network> network = cache.Get(KeyOf(1), MakeNetwork).value();
  EXPECT_TRUE(network.expired());
  EXPECT_TRUE(cache.Get(KeyOf(1), MakeNetwork).ok());
}

TEST(NetworkCacheTest, AFailureIsNotRemembered) {
  NetworkCache cache;
  const auto fail = []() -> NetworkOrStatus { return absl::NotFoundError("gone"); };
  EXPECT_EQ(cache.Get(KeyOf(1), fail).status(), absl::NotFoundError("gone"));
  EXPECT_TRUE(cache.Get(KeyOf(1), MakeNetwork).ok());
}

TEST(NetworkCacheTest, OneOfManyLoadsAndTheOthersWait) {
  NetworkCache cache;
  constexpr int kThreads = 8;
  std::latch all_here(kThreads);
  std::atomic<int> loads{0};
  std::vector<std::shared_ptr<const Network>> networks(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        all_here.arrive_and_wait();
        networks[static_cast<size_t>(i)] = cache
                                               .Get(KeyOf(1),
                                                    [&]() -> NetworkOrStatus {
                                                      ++loads;
                                                      return MakeNetwork();
                                                    })
                                               .value();
      });
    }
  }
  EXPECT_EQ(loads, 1);
  for (const auto& network : networks) EXPECT_EQ(network, networks[0]);
}

TEST(NetworkCacheTest, WhoeverWaitedForAFailureTriesItself) {
  NetworkCache cache;
  std::latch loading(1);
  std::latch fail(1);
  std::shared_ptr<const Network> network;
  {
    const std::jthread first([&] {
      const auto result = cache.Get(KeyOf(1), [&]() -> NetworkOrStatus {
        loading.count_down();
        fail.wait();
        return absl::NotFoundError("gone");
      });
      EXPECT_FALSE(result.ok());
    });
    loading.wait();
    const std::jthread second([&] { network = cache.Get(KeyOf(1), MakeNetwork).value(); });
    // Different models load side by side: this one does not wait for the first.
    EXPECT_TRUE(cache.Get(KeyOf(2), MakeNetwork).ok());
    fail.count_down();
  }
  EXPECT_NE(network, nullptr);
}

}  // namespace
}  // namespace rerankd
