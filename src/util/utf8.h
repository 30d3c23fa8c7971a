// UTF-8 validity (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing past U+10FFFF).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace rerankd {

// The offset of the first byte that is not part of valid UTF-8, or nullopt.
std::optional<size_t> FindInvalidUtf8(std::string_view text);

// The largest n <= limit such that text.substr(0, n) ends between two characters.
// REQUIRES: `text` is valid UTF-8.
size_t Utf8FloorBoundary(std::string_view text, size_t limit);

}  // namespace rerankd
