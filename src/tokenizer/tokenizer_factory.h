// Which tokenizer a model folder asks for.
#pragma once

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "tokenizer/tokenizer.h"

namespace rerankd {

// Reads tokenizer.json (preferred: it decides), or vocab.txt, with tokenizer_config.json beside
// them. What is not supported is refused by name, never approximated. FAILED_PRECONDITION or
// NOT_FOUND name the file and the field.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::filesystem::path& folder);

}  // namespace rerankd
