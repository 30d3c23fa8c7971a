// What to say of weights that are there as a Python pickle only.
#pragma once

#include <string>
#include <string_view>

namespace rerankd {

// "a Python pickle, ...": why it is never read, and the command that converts the model `source`
// (an id or a folder) into the folder `target`, which may be the same.
std::string PickleAdvice(std::string_view source, std::string_view target);

}  // namespace rerankd
