// Pinecone Inference: docs.pinecone.io/guides/inference/rerank.
#pragma once

#include "providers/dialect.h"

namespace rerankd {

Dialect PineconeDialect();

}  // namespace rerankd
