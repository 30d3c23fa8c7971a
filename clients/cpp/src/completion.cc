#include "completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace rerankd::client {
namespace {

// "{a,b}" in how CLI11 describes an option's value → "a b"; empty where there is no such choice.
std::string Choices(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{');
  const size_t end = type.find('}', begin);
  if (begin == std::string::npos || end == std::string::npos) return "";
  std::string choices = type.substr(begin + 1, end - begin - 1);
  std::replace(choices.begin(), choices.end(), ',', ' ');
  return choices;
}

struct Options {
  std::string names;                           // with spaces between
  std::map<std::string, std::string> choices;  // of each that takes a value; may be empty
};

Options OptionsOf(const CLI::App& app) {
  Options out;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      out.names.append(out.names.empty() ? "" : " ").append("--").append(name);
      if (option->get_items_expected_max() > 0) out.choices["--" + name] = Choices(*option);
    }
  }
  return out;
}

// Completes no file where the values are known, and files where they are not.
std::string ValueCases(const std::map<std::string, std::string>& choices, std::string_view indent) {
  std::string out;
  std::string files;
  for (const auto& [name, values] : choices) {
    if (values.empty()) {
      files.append(files.empty() ? "" : "|").append(name);
    } else {
      out += fmt::format("{}{}) words='{}' ;;\n", indent, name, values);
    }
  }
  if (!files.empty()) out += fmt::format("{}{}) return ;;\n", indent, files);
  return out;
}

constexpr char kZshPreamble[] =
    "#compdef rerankctl\n"
    "autoload -U +X compinit && compinit\n"
    "autoload -U +X bashcompinit && bashcompinit\n";

}  // namespace

std::string CompletionScript(const CLI::App& app, Shell shell) {
  const std::string& program = app.get_name();
  const Options common = OptionsOf(app);
  std::string commands;
  std::string cases;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    const Options own = OptionsOf(*command);
    commands.append(commands.empty() ? "" : "|").append(command->get_name());
    cases +=
        fmt::format("    {})\n      words='{} {}'\n", command->get_name(), own.names, common.names);
    if (!own.choices.empty()) {
      cases += fmt::format("      case $previous in\n{}      esac ;;\n",
                           ValueCases(own.choices, "        "));
    } else {
      cases += "      ;;\n";
    }
  }
  std::string first = commands;
  std::replace(first.begin(), first.end(), '|', ' ');
  return fmt::format(
      R"sh({preamble}_{program}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} command= word words
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in {commands}) command=$word; break ;; esac
  done
  COMPREPLY=()
  words='{first} {common}'
  case $command in
{cases}  esac
  case $previous in
{values}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _{program} {program}
)sh",
      fmt::arg("preamble", shell == Shell::kZsh ? kZshPreamble : ""), fmt::arg("program", program),
      fmt::arg("commands", commands), fmt::arg("first", first), fmt::arg("common", common.names),
      fmt::arg("cases", cases), fmt::arg("values", ValueCases(common.choices, "    ")));
}

}  // namespace rerankd::client
