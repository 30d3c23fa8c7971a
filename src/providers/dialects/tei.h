// Hugging Face's text-embeddings-inference with a reranking model.
#pragma once

#include "providers/dialect.h"

namespace rerankd {

Dialect TeiDialect();

}  // namespace rerankd
