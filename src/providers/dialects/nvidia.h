// NVIDIA's retrieval NIMs, hosted or one's own.
#pragma once

#include "providers/dialect.h"

namespace rerankd {

Dialect NvidiaDialect();

}  // namespace rerankd
