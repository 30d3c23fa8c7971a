// Cohere's API v2: docs.cohere.com/reference/rerank.
#pragma once

#include "providers/dialect.h"

namespace rerankd {

Dialect CohereDialect();

}  // namespace rerankd
