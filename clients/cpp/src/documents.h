// Files of documents.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace rerankd::client {

enum class DocumentFormat {
  kLines,  // each line is a document
  kJsonl,  // each line is a JSON string, or an object whose "text" is the document
};

// Reads all documents. Blank lines are skipped; so are a byte order mark at the start and the
// carriage return of a Windows line end. INVALID_ARGUMENT names `origin` and the line at fault.
absl::StatusOr<std::vector<std::string>> ReadDocuments(std::istream& in, DocumentFormat format,
                                                       std::string_view origin);

}  // namespace rerankd::client
