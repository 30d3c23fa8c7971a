// Voyage AI: docs.voyageai.com/reference/reranker-api.
#pragma once

#include "providers/dialect.h"

namespace rerankd {

Dialect VoyageDialect();

}  // namespace rerankd
