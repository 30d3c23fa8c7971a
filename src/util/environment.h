// The process's environment as an argument, so that what reads it can be tested.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace rerankd {

// The value of a variable; nullopt: it is not set.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;

// The lookup of this process. Safe for concurrent use as long as nobody changes the environment.
std::optional<std::string> ProcessVariable(const std::string& name);

}  // namespace rerankd
