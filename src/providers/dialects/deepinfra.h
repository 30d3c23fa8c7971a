// DeepInfra: docs.deepinfra.com/apis/reranker.
#pragma once

#include "providers/dialect.h"

namespace rerankd {

Dialect DeepInfraDialect();

}  // namespace rerankd
