// What the user asked for on the command line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rerankd {

struct CommandLine {
  enum class Command {
    kServe,          // no subcommand
    kCheckConfig,    // check-config: says whether the configuration is right, and prints it
    kPrintSettings,  // settings: the table of settings, for docs/OPERATIONS.md
  };
  Command command = Command::kServe;
  std::optional<std::filesystem::path> config_file;
  std::vector<std::pair<std::string, std::string>> flags;  // setting key, value
};

// Either a command line, or what to print and the status to exit with (--help, --version, errors).
struct ParsedCommandLine {
  std::optional<CommandLine> command_line;
  std::string output;  // for stdout
  std::string error;   // for stderr, one line
  int exit_code = 0;   // 2 when there is an error
};

// There is a flag for every setting that settings.h lists. `version` is what --version prints.
ParsedCommandLine ParseCommandLine(int argc, const char* const* argv, std::string_view version);

}  // namespace rerankd
