#include "hub/hub_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using Variables = std::map<std::string, std::string>;

absl::StatusOr<HubOptions> From(const Variables& variables) {
  return HubOptionsFromEnvironment([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string Refusal(const Variables& variables) {
  const auto options = From(variables);
  EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(options.status().message());
}

TEST(HubOptionsTest, Defaults) {
  const auto options = From({{"HOME", "/home/a"}});
  ASSERT_TRUE(options.ok()) << options.status().ToString();
  EXPECT_EQ(options->cache_dir, "/home/a/.cache/huggingface/hub");
  EXPECT_EQ(options->endpoint, "https://huggingface.co");
  EXPECT_TRUE(options->token.empty());
  EXPECT_FALSE(options->offline);
  EXPECT_TRUE(options->ca_file.empty());
}

TEST(HubOptionsTest, TheCacheInOrderOfPrecedence) {
  Variables variables = {{"HOME", "/home/a"}};
  const auto cache = [&] { return From(variables)->cache_dir.string(); };
  variables["XDG_CACHE_HOME"] = "/xdg";
  EXPECT_EQ(cache(), "/xdg/huggingface/hub");
  variables["HF_HOME"] = "/hf";
  EXPECT_EQ(cache(), "/hf/hub");
  variables["HUGGINGFACE_HUB_CACHE"] = "/old";
  EXPECT_EQ(cache(), "/old");
  variables["HF_HUB_CACHE"] = "/new";
  EXPECT_EQ(cache(), "/new");
  variables["HF_HUB_CACHE"] = "";
  EXPECT_EQ(cache(), "/old");
}

TEST(HubOptionsTest, TildesAndVariables) {
  Variables variables = {{"HOME", "/home/a"}, {"DATA", "/data"}};
  for (const auto& [value, cache] : Variables{{"~/x", "/home/a/x"},
                                              {"~", "/home/a"},
                                              {"$DATA/x", "/data/x"},
                                              {"/y/${DATA}z", "/y//dataz"},
                                              {"/$NONE/x", "/$NONE/x"},
                                              {"/${NONE}/x", "/${NONE}/x"},
                                              {"/${DATA", "/${DATA"},
                                              {"/a$", "/a$"},
                                              {"/a$$DATA", "/a$/data"}}) {
    variables["HF_HUB_CACHE"] = value;
    EXPECT_EQ(From(variables)->cache_dir, cache) << value;
  }
}

TEST(HubOptionsTest, WithoutAHome) {
  EXPECT_THAT(Refusal({}), AllOf(HasSubstr("HOME"), HasSubstr("HF_HUB_CACHE")));
  EXPECT_TRUE(From({{"HF_HUB_CACHE", "/cache"}}).ok());
}

TEST(HubOptionsTest, TheEndpoint) {
  EXPECT_EQ(From({{"HOME", "/"}, {"HF_ENDPOINT", "https://mirror.example/hf/"}})->endpoint,
            "https://mirror.example/hf");
  for (const char* endpoint : {"mirror.example", "file:///x", "https://a:b@c/"}) {
    EXPECT_THAT(Refusal({{"HOME", "/"}, {"HF_ENDPOINT", endpoint}}),
                AllOf(HasSubstr("HF_ENDPOINT"), testing::Not(HasSubstr("a:b"))));
  }
}

TEST(HubOptionsTest, TheToken) {
  const TempDir home;
  Variables variables = {{"HF_HOME", home.path().string()}};
  EXPECT_TRUE(From(variables)->token.empty());
  home.Write("token", " hf_file\n");
  EXPECT_EQ(From(variables)->token.Reveal(), "hf_file");
  variables["HF_TOKEN_PATH"] = home.Write("other", "hf_other").string();
  EXPECT_EQ(From(variables)->token.Reveal(), "hf_other");
  variables["HF_TOKEN"] = "hf_variable";
  EXPECT_EQ(From(variables)->token.Reveal(), "hf_variable");
}

TEST(HubOptionsTest, ATokenThatCannotBeOne) {
  for (const char* token : {"two words", "a\nb", "h\xC3\xBC"}) {
    EXPECT_THAT(Refusal({{"HOME", "/"}, {"HF_TOKEN", token}}),
                AllOf(HasSubstr("HF_TOKEN"), Not(HasSubstr(token))));
  }
  EXPECT_THAT(Refusal({{"HOME", "/"}, {"HF_TOKEN_PATH", "/nonexistent/token"}}),
              AllOf(HasSubstr("HF_TOKEN_PATH"), HasSubstr("/nonexistent/token")));
}

TEST(HubOptionsTest, Offline) {
  for (const char* value : {"1", "ON", "yes", "True"}) {
    EXPECT_TRUE(From({{"HOME", "/"}, {"HF_HUB_OFFLINE", value}})->offline) << value;
    EXPECT_TRUE(From({{"HOME", "/"}, {"TRANSFORMERS_OFFLINE", value}})->offline) << value;
  }
  for (const char* value : {"", "0", "no", "off"}) {
    EXPECT_FALSE(From({{"HOME", "/"}, {"HF_HUB_OFFLINE", value}})->offline) << value;
  }
}

TEST(HubOptionsTest, Certificates) {
  EXPECT_EQ(From({{"HOME", "/"}, {"SSL_CERT_FILE", "/ca.pem"}})->ca_file, "/ca.pem");
}

}  // namespace
}  // namespace rerankd
