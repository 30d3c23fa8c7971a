#include "service/model_health.h"

#include <string>

#include "rerank/v1/rerank.grpc.pb.h"
#include "service/service_options.h"

namespace rerankd {

std::shared_ptr<ModelHealth> ModelHealth::Start(const Catalog& catalog,
                                                grpc::HealthCheckServiceInterface& health) {
  const std::shared_ptr<ModelHealth> self(new ModelHealth(catalog, health));
  for (const auto& model : catalog.models()) {
    model->Observe([self] { self->Update(); });
  }
  self->Update();
  return self;
}

void ModelHealth::Stop() {
  const MutexLock lock(mutex_);
  catalog_ = nullptr;
}

void ModelHealth::Update() {
  const MutexLock lock(mutex_);
  if (catalog_ == nullptr) return;
  bool any = false;
  for (const auto& model : catalog_->models()) {
    const ModelStatus status = model->status();
    any = any || status.can_serve;
    health_.SetServingStatus(status.info.name, status.can_serve);
    for (const std::string& alias : status.info.aliases) {
      health_.SetServingStatus(alias, status.can_serve);
    }
  }
  health_.SetServingStatus("", any);
  static_assert(kServiceName == rerank::v1::RerankService::service_full_name());
  health_.SetServingStatus(std::string(kServiceName), any);
}

}  // namespace rerankd
