// Answers of providers are hostile input: a wrong order must not come of any of them.
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "core/types.h"
#include "providers/dialect.h"
#include "providers/provider.h"

namespace rerankd {

// The result that `response`, of status 2xx, carries for `request`, with scores of `kind`.
//
// Refused with INTERNAL naming the field: anything but JSON, or JSON that nests more than 32 deep;
// an index that is no whole number, out of range or there twice; a score that is no finite number;
// fewer results than were asked for, or more than there are documents. Results keep their order
// where no score is higher than the one before: scores that look equal may have been rounded.
// Otherwise they are sorted, equal ones in the order of the documents.
absl::StatusOr<RerankResult> ReadAnswer(const Dialect& dialect, ScoreKind kind,
                                        const RerankRequest& request, const ProviderKey& key,
                                        const HttpResponse& response);

}  // namespace rerankd
