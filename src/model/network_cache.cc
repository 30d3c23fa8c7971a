#include "model/network_cache.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "model/device.h"

namespace rerankd {

Network::~Network() {
  architecture.reset();
  try {
    ReleaseUnusedMemory(device);
    // NOLINTNEXTLINE(bugprone-empty-catch): the GPU is lost, and what was to be given back with it
  } catch (const std::exception&) {
  }
}

NetworkCache::Entry* NetworkCache::Find(const Key& key) {
  std::erase_if(entries_,
                [](const Entry& entry) { return !entry.loading && entry.network.expired(); });
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  return found == entries_.end() ? nullptr : &*found;
}

absl::StatusOr<std::shared_ptr<const Network>> NetworkCache::Get(Key key, Load load) {
  key.config.origin.clear();
  {
    const MutexLock lock(mutex_);
    for (;;) {
      const Entry* const entry = Find(key);
      if (entry == nullptr) break;
      if (auto network = entry->network.lock(); network != nullptr) return network;
      if (entry->loading) loaded_.Wait(mutex_);
    }
    entries_.push_back({.key = key, .loading = true});
  }
  absl::StatusOr<std::shared_ptr<const Network>> network = load();
  const MutexLock lock(mutex_);
  Entry& entry = *Find(key);
  entry.loading = false;
  if (network.ok()) entry.network = *network;
  loaded_.NotifyAll();
  return network;
}

}  // namespace rerankd
