// Mixedbread: mixedbread.com/api-reference/endpoints/reranking.
#pragma once

#include "providers/dialect.h"

namespace rerankd {

Dialect MixedbreadDialect();

}  // namespace rerankd
