// What the layers tell of their work, as metrics.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "engine/engine_recorder.h"
#include "observability/metrics.h"
#include "providers/provider_recorder.h"
#include "service/request_log.h"

namespace rerankd {

// Counts one call that was answered.
void RecordCall(const RequestLog& call, Metrics& metrics);

// For the engine of `model`; null when nobody counts, or when there is no such engine.
// REQUIRES: `metrics` outlives the recorder.
std::shared_ptr<EngineRecorder> RecorderOfEngine(Metrics* metrics, const std::string& model,
                                                 size_t max_batch_tokens);

// For calls to the provider of `model`, whose circuit breaker is a new one; as above.
std::shared_ptr<ProviderRecorder> RecorderOfProvider(Metrics* metrics, const std::string& model);

// A load has ended.
void RecordLoad(Metrics* metrics, const std::string& model, bool succeeded, Duration took);

}  // namespace rerankd
