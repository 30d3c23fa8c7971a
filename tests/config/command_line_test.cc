#include "config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/settings.h"

namespace rerankd {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

ParsedCommandLine Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "rerankd");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data(), "0.1.2");
}

TEST(CommandLineTest, NoArgumentsServe) {
  const ParsedCommandLine parsed = Parse({});
  ASSERT_TRUE(parsed.command_line) << parsed.error;
  EXPECT_EQ(parsed.command_line->command, CommandLine::Command::kServe);
  EXPECT_EQ(parsed.command_line->config_file, std::nullopt);
  EXPECT_THAT(parsed.command_line->flags, IsEmpty());
}

TEST(CommandLineTest, FlagsBecomeSettings) {
  const ParsedCommandLine parsed =
      Parse({"--config", "a.yaml", "--listen", "a:1", "--log-level=debug", "--engine-sessions",
             "-1", "--listen", "b:2"});
  ASSERT_TRUE(parsed.command_line) << parsed.error;
  EXPECT_EQ(parsed.command_line->config_file, "a.yaml");
  EXPECT_THAT(parsed.command_line->flags,
              testing::UnorderedElementsAre(Pair("listen", "b:2"), Pair("log.level", "debug"),
                                            Pair("engine.sessions", "-1")));
}

TEST(CommandLineTest, SubcommandsTakeTheSameFlagsOnEitherSide) {
  for (const auto& arguments : {std::vector<const char*>{"check-config", "--config", "a.yaml"},
                                std::vector<const char*>{"--config", "a.yaml", "check-config"}}) {
    const ParsedCommandLine parsed = Parse(arguments);
    ASSERT_TRUE(parsed.command_line) << parsed.error;
    EXPECT_EQ(parsed.command_line->command, CommandLine::Command::kCheckConfig);
    EXPECT_EQ(parsed.command_line->config_file, "a.yaml");
  }
  EXPECT_EQ(Parse({"settings"}).command_line->command, CommandLine::Command::kPrintSettings);
}

TEST(CommandLineTest, HelpExplainsEverySetting) {
  const ParsedCommandLine parsed = Parse({"--help"});
  EXPECT_FALSE(parsed.command_line);
  EXPECT_EQ(parsed.exit_code, 0);
  for (const SettingSummary& setting : SettingSummaries()) {
    EXPECT_THAT(parsed.output, HasSubstr(FlagOf(setting.key)));
    EXPECT_THAT(parsed.output, HasSubstr(setting.help.substr(0, 20))) << setting.key;
  }
}

TEST(CommandLineTest, VersionIsPrinted) {
  const ParsedCommandLine parsed = Parse({"--version"});
  EXPECT_FALSE(parsed.command_line);
  EXPECT_EQ(parsed.exit_code, 0);
  EXPECT_EQ(parsed.output, "rerankd 0.1.2\n");
}

struct BadArguments {
  std::vector<const char*> arguments;
  const char* error;
};
class CommandLineErrorTest : public testing::TestWithParam<BadArguments> {};

TEST_P(CommandLineErrorTest, IsOneLineAndStatusTwo) {
  const ParsedCommandLine parsed = Parse(GetParam().arguments);
  EXPECT_FALSE(parsed.command_line);
  EXPECT_EQ(parsed.exit_code, 2);
  EXPECT_EQ(parsed.output, "");
  EXPECT_THAT(parsed.error, HasSubstr(GetParam().error));
  EXPECT_EQ(parsed.error.find('\n'), std::string::npos) << parsed.error;
}

INSTANTIATE_TEST_SUITE_P(
    All, CommandLineErrorTest,
    testing::Values(BadArguments{{"--lisen", "a:1"},
                                 "unknown flag --lisen; did you mean --listen?"},
                    BadArguments{{"--lisen=a:1"}, "unknown flag --lisen; did you mean --listen?"},
                    BadArguments{{"check-config", "--frobnicate"}, "unknown flag --frobnicate; "},
                    BadArguments{{"-x"}, "unknown flag -x"},
                    BadArguments{{"serve"}, "unexpected argument \"serve\""},
                    BadArguments{{"--listen"}, "--listen"}));

}  // namespace
}  // namespace rerankd
