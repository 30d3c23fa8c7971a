#include "config/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <list>
#include <string_view>

#include "config/settings.h"
#include "config/values.h"

namespace rerankd {
namespace {

constexpr size_t kHelpColumn = 38;
constexpr size_t kHelpWidth = 100;

// Line breaks so that a description fits beside the column of flags.
std::string Wrapped(std::string_view text) {
  std::string lines;
  size_t width = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (width > 0 && width + 1 + word.size() > kHelpWidth - kHelpColumn) {
      lines += '\n';
      width = 0;
    } else if (width > 0) {
      lines += ' ';
      ++width;
    }
    lines += word;
    width += word.size();
    begin = end + 1;
  }
  return lines;
}

std::string GroupOf(std::string_view key) {
  const size_t dot = key.find('.');
  if (dot == std::string_view::npos) return "Server";
  const std::string_view section = key.substr(0, dot);
  if (section == "log") return "Log";
  if (section == "tls") return "TLS";
  if (section == "hub") return "Model hub";
  if (section == "engine") return "Engine, for all models";
  return "Model, when no file lists the models";
}

ParsedCommandLine Failed(std::string error) {
  return {std::nullopt, "", "rerankd: " + std::move(error), 2};
}

// What CLI11 could not place. A value that follows an unknown flag is no error of its own.
ParsedCommandLine UnknownArgument(const std::vector<std::string>& remaining,
                                  std::span<const std::string> known) {
  for (const std::string& argument : remaining) {
    if (!argument.starts_with('-')) continue;
    const std::string flag = argument.substr(0, argument.find('='));
    const std::optional<std::string> nearest = NearestWord(flag, known);
    return Failed(fmt::format(
        "unknown flag {}; {}", flag,
        nearest ? fmt::format("did you mean {}?", *nearest) : "rerankd --help lists the flags"));
  }
  return Failed(fmt::format("unexpected argument \"{}\"; rerankd --help lists the commands",
                            remaining.front()));
}

}  // namespace

ParsedCommandLine ParseCommandLine(int argc, const char* const* argv, std::string_view version) {
  CLI::App app(
      "rerankd: a reranking server. Orders documents by how well they answer a query, over gRPC.\n"
      "Every flag is also a key of the file (--log-level: level in section log) and an "
      "environment\n"
      "variable (RERANKD_LOG_LEVEL). Flags win over the environment, and that over the file.",
      "rerankd");
  app.set_version_flag("--version", fmt::format("rerankd {}", version), "Print the version.");
  app.set_help_flag("-h,--help", "Print this help.");
  app.get_formatter()->column_width(kHelpColumn);
  app.allow_extras();
  app.fallthrough();

  CommandLine result;
  std::string config_file;
  app.add_option("--config", config_file, "Settings as a YAML file; also RERANKD_CONFIG.")
      ->type_name("FILE");
  const CLI::App* const check = app.add_subcommand(
      "check-config", Wrapped("Say whether the configuration is right, print it, and exit."));
  const CLI::App* const print =
      app.add_subcommand("settings", Wrapped("Print every setting as a Markdown table, and exit."));
  app.require_subcommand(0, 1);

  struct Flag {
    std::string key;
    std::string value;
    CLI::Option* option = nullptr;
  };
  std::list<Flag> flags;  // CLI11 keeps references to the values
  std::vector<std::string> known{"--config", "--help", "--version"};
  for (const SettingSummary& setting : SettingSummaries()) {
    Flag& flag = flags.emplace_back(Flag{setting.key, "", nullptr});
    known.push_back(FlagOf(setting.key));
    const std::string values =
        setting.default_value.empty()
            ? setting.form
            : fmt::format("{}; default {}", setting.form, setting.default_value);
    flag.option = app.add_option(known.back(), flag.value,
                                 Wrapped(fmt::format("{} ({})", setting.help, values)))
                      ->type_name("")
                      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
                      ->group(GroupOf(setting.key));
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {
    std::ostringstream output;
    app.exit(request, output, output);
    return {std::nullopt, output.str(), "", 0};
  } catch (const CLI::Error& e) {
    return Failed(e.what());
  }
  if (const auto remaining = app.remaining(/*recurse=*/true); !remaining.empty()) {
    return UnknownArgument(remaining, known);
  }

  if (check->parsed()) result.command = CommandLine::Command::kCheckConfig;
  if (print->parsed()) result.command = CommandLine::Command::kPrintSettings;
  if (app.count("--config") > 0) result.config_file = config_file;
  for (const Flag& flag : flags) {
    if (flag.option->count() > 0) result.flags.emplace_back(flag.key, flag.value);
  }
  return {std::move(result), "", "", 0};
}

}  // namespace rerankd
