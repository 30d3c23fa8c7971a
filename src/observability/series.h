// Series of metrics that share labels. A thin layer over prometheus-cpp, so that a metric is one
// line where it is declared.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/labels.h>
#include <prometheus/registry.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "util/mutex.h"

namespace rerankd {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using Buckets = Histogram::BucketBoundaries;

// Makes series of a registry, all with some labels in common. The series live as long as the
// registry; the same name and labels are the same series. Safe for concurrent use. What is made may
// be used from any thread: a counter and a gauge without a lock, a histogram under one of its own.
class SeriesMaker {
 public:
  // REQUIRES: `registry` outlives the maker and what it has made.
  explicit SeriesMaker(prometheus::Registry& registry, Labels labels = {})
      : registry_(&registry), labels_(std::move(labels)) {}

  // One that adds labels to what this one has.
  SeriesMaker With(const Labels& more) const;

  Counter& MakeCounter(const std::string& name, const std::string& help,
                       const Labels& more = {}) const;
  Gauge& MakeGauge(const std::string& name, const std::string& help, const Labels& more = {}) const;
  Histogram& MakeHistogram(const std::string& name, const std::string& help,
                           const Buckets& buckets) const;

 private:
  prometheus::Registry* registry_;
  Labels labels_;
};

// Series that are made by the first who uses them, so that what never happens has none. Using them
// again takes no lock.
template <typename Group>
class OnFirstUse {
 public:
  template <typename... Arguments>
  Group& Get(Arguments&&... arguments) {
    std::call_once(once_, [&] { group_.emplace(std::forward<Arguments>(arguments)...); });
    return *group_;
  }

 private:
  std::once_flag once_;
  std::optional<Group> group_;
};

// A group of series for each of a fixed set of names (models), which is what keeps their number
// bounded: a name from outside that is none of them finds nothing and makes nothing.
// Reading takes no lock, for nothing is added once it is filled.
template <typename Group>
class SeriesByName {
 public:
  template <typename... Arguments>
  Group& Add(const std::string& name, Arguments&&... arguments) {
    auto& group = groups_[name];
    group = std::make_unique<Group>(std::forward<Arguments>(arguments)...);
    return *group;
  }

  // Null: no such name.
  Group* Find(std::string_view name) const {
    const auto found = groups_.find(name);
    return found == groups_.end() ? nullptr : found->second.get();
  }

 private:
  std::map<std::string, std::unique_ptr<Group>, std::less<>> groups_;
};

// A group of series for each name that is used, of names that come from a trusted place and may
// change while the program runs (tenants): the first `kMost` have one each, all others share one.
// Series are never taken away, so that counters go on when a name comes back. Safe for concurrent
// use.
template <typename Group, size_t kMost>
class SeriesOfFirstNames {
 public:
  // Makes the group of a name, for Of().
  using Make = std::function<std::unique_ptr<Group>(const std::string& name)>;

  // REQUIRES: nobody is called `others`.
  SeriesOfFirstNames(Make make, std::string others)
      : make_(std::move(make)), others_(std::move(others)) {}

  Group& Of(const std::string& name) RERANKD_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto known = groups_.find(name);
    if (known != groups_.end()) return *known->second;
    const std::string& shown = groups_.size() < kMost ? name : others_;
    std::unique_ptr<Group>& group = groups_[shown];
    if (group == nullptr) group = make_(shown);
    return *group;
  }

 private:
  const Make make_;
  const std::string others_;
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<Group>> groups_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace rerankd
