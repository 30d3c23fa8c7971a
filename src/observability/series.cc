#include "observability/series.h"

namespace rerankd {

SeriesMaker SeriesMaker::With(const Labels& more) const {
  Labels all = labels_;
  all.insert(more.begin(), more.end());
  return SeriesMaker(*registry_, std::move(all));
}

Counter& SeriesMaker::MakeCounter(const std::string& name, const std::string& help,
                                  const Labels& more) const {
  return prometheus::BuildCounter()
      .Name(name)
      .Help(help)
      .Register(*registry_)
      .Add(With(more).labels_);
}

Gauge& SeriesMaker::MakeGauge(const std::string& name, const std::string& help,
                              const Labels& more) const {
  return prometheus::BuildGauge()
      .Name(name)
      .Help(help)
      .Register(*registry_)
      .Add(With(more).labels_);
}

Histogram& SeriesMaker::MakeHistogram(const std::string& name, const std::string& help,
                                      const Buckets& buckets) const {
  return prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(*registry_)
      .Add(labels_, buckets);
}

}  // namespace rerankd
