#include "completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <vector>

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
  std::vector<std::string> names;
  std::map<std::string, std::string> choices;  // of each that takes a value; may be empty
};

Options OptionsOf(const CLI::App& app) {
  Options out;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      out.names.push_back("--" + name);
      if (option->get_items_expected_max() > 0) out.choices["--" + name] = Choices(*option);
    }
  }
  return out;
}

// Those of a command and of the program; --help is of both.
std::string Names(const std::vector<std::string>& own, const std::vector<std::string>& common) {
  std::vector<std::string> all = own;
  std::ranges::copy_if(common, std::back_inserter(all), [&](const std::string& name) {
    return std::ranges::find(own, name) == own.end();
  });
  return fmt::format("{}", fmt::join(all, " "));
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
    cases += fmt::format("    {})\n      words='{}'\n", command->get_name(),
                         Names(own.names, common.names));
    if (!own.choices.empty()) {
      cases += fmt::format("      case $previous in\n{}      esac ;;\n",
                           ValueCases(own.choices, "        "));
    } else {
      cases += "      ;;\n";
    }
  }
  std::string first = commands;
  std::replace(first.begin(), first.end(), '|', ' ');
  std::string valued;  // options before the command whose value is none of its names
  for (const auto& [name, choices] : common.choices) {
    valued.append(valued.empty() ? "" : "|").append(name);
  }
  // bash makes words of their own of = and :, so that a value may be several of them.
  return fmt::format(
      R"sh({preamble}_{program}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} command= words i=1
  while [[ $i -lt $COMP_CWORD ]]; do
    case ${{COMP_WORDS[i]}} in
      {commands}) command=${{COMP_WORDS[i]}}; break ;;
      {valued})
        i=$((i + 1))
        if [[ ${{COMP_WORDS[i]}} = '=' ]]; then i=$((i + 1)); fi
        while [[ ${{COMP_WORDS[i+1]}} = [:=] ]]; do i=$((i + 2)); done ;;
    esac
    i=$((i + 1))
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
      fmt::arg("commands", commands), fmt::arg("valued", valued), fmt::arg("first", first),
      fmt::arg("common", fmt::format("{}", fmt::join(common.names, " "))), fmt::arg("cases", cases),
      fmt::arg("values", ValueCases(common.choices, "    ")));
}

}  // namespace rerankd::client
