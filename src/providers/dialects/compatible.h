// Whoever speaks as Cohere's first API or Jina do: vLLM, llama.cpp, LocalAI, Xinference, infinity,
// SiliconFlow, Together, Fireworks, OpenRouter and others.
#pragma once

#include "providers/dialect.h"

namespace rerankd {

Dialect CompatibleDialect();

}  // namespace rerankd
