// Text of strangers in messages of ours.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rerankd {

// `text` on one line of printable ASCII, "?" for each other byte, cut with "..." after `max_bytes`.
std::string Printable(std::string_view text, size_t max_bytes = 200);

// `text` as it is, but control characters as \n, \t or \x1b: one line that no terminal interprets.
std::string EscapeControls(std::string_view text);

}  // namespace rerankd
