// Passing an absl::Status on to the caller.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define RERANKD_CONCAT_INNER(a, b) a##b
#define RERANKD_CONCAT(a, b) RERANKD_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expression` is not OK.
#define RERANKD_RETURN_IF_ERROR(expression)                   \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

// RERANKD_ASSIGN_OR_RETURN(auto value, Function()); assigns the value or returns the error.
#define RERANKD_ASSIGN_OR_RETURN(lhs, expression) \
  RERANKD_ASSIGN_OR_RETURN_INNER(RERANKD_CONCAT(status_or_, __LINE__), lhs, expression)
// NOLINTBEGIN(bugprone-macro-parentheses): `lhs` may be a declaration.
#define RERANKD_ASSIGN_OR_RETURN_INNER(status_or, lhs, expression) \
  auto status_or = (expression);                                   \
  if (!status_or.ok()) return std::move(status_or).status();       \
  lhs = *std::move(status_or)
// NOLINTEND(bugprone-macro-parentheses)
