// How many documents a YAML file holds.
#pragma once

#include <yaml-cpp/mark.h>

#include <optional>
#include <string>

namespace rerankd {

// Where something follows the first document; nullopt: nothing does. Throws YAML::Exception for
// what is not YAML. Not by YAML::LoadAll(): yaml-cpp takes a bracket too many for the start of a
// document, does not read past it, and would find documents without end.
std::optional<YAML::Mark> AfterTheFirstDocument(const std::string& text);

}  // namespace rerankd
