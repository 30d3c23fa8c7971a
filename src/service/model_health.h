// grpc.health.v1 in step with the models of a catalog.
#pragma once

#include <grpcpp/health_check_service_interface.h>

#include <memory>

#include "service/catalog.h"
#include "util/mutex.h"

namespace rerankd {

// SERVING for each model, by its name and its aliases, while it can serve; for "" and
// "rerank.v1.RerankService" while at least one can. Safe for concurrent use.
class ModelHealth {
 public:
  // Observes the models until Stop(). REQUIRES: `catalog` and `health` are there until then.
  static std::shared_ptr<ModelHealth> Start(const Catalog& catalog,
                                            grpc::HealthCheckServiceInterface& health);

  // Once it returns, neither the catalog nor gRPC's health service is touched any more.
  void Stop() RERANKD_EXCLUDES(mutex_);

 private:
  ModelHealth(const Catalog& catalog, grpc::HealthCheckServiceInterface& health)
      : catalog_(&catalog), health_(health) {}
  void Update() RERANKD_EXCLUDES(mutex_);

  // Held for the whole of an update: the last of two updates to begin is the last to report.
  Mutex mutex_;
  const Catalog* catalog_ RERANKD_GUARDED_BY(mutex_);  // null: stopped
  grpc::HealthCheckServiceInterface& health_;
};

}  // namespace rerankd
