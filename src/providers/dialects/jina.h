// Jina AI: api.jina.ai/v1/rerank.
#pragma once

#include "providers/dialect.h"

namespace rerankd {

Dialect JinaDialect();

}  // namespace rerankd
