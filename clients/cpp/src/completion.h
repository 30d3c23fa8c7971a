// Completion of a program's command line in a shell.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace rerankd::client {

enum class Shell { kBash, kZsh };

// A script for the shell to read, which completes the commands and options that `app` has, and the
// values of those that have a choice; any other value is completed as the name of a file.
std::string CompletionScript(const CLI::App& app, Shell shell);

}  // namespace rerankd::client
