#include "hub/hub_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "http/url.h"
#include "util/file.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr size_t kMaxTokenBytes = 4096;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Environment {
 public:
  explicit Environment(const EnvironmentLookup& lookup) : lookup_(lookup) {}

  // The first of `names` that is set and not empty; "" when none is.
  std::string Get(const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
      const auto value = lookup_(name);
      if (value.has_value() && !value->empty()) return *value;
    }
    return "";
  }

  bool IsTrue(const std::vector<std::string>& names) const {
    std::string value = Get(names);
    std::ranges::transform(value, value.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
  }

  // `text` with a leading ~ and each $NAME and ${NAME} replaced. A variable that is not set stays
  // as it is written, as in Python.
  std::string Expand(std::string_view text) const {
    std::string out;
    if (text == "~" || text.starts_with("~/")) {
      out = Get({"HOME"});
      text.remove_prefix(1);
    }
    while (!text.empty()) {
      const size_t dollar = text.find('$');
      out += text.substr(0, dollar);
      if (dollar == std::string_view::npos) break;
      text.remove_prefix(dollar);
      const std::string_view variable = Variable(text);
      const size_t braces = variable.ends_with('}') ? 1 : 0;
      const auto value =
          lookup_(std::string(variable.substr(1 + braces, variable.size() - 1 - 2 * braces)));
      out += value.has_value() ? std::string_view(*value) : variable;
      text.remove_prefix(variable.size());
    }
    return out;
  }

 private:
  // The "$NAME" or "${NAME}" that `text` begins with; "$" alone where it is neither.
  static std::string_view Variable(std::string_view text) {
    if (text.substr(1).starts_with('{')) {
      const size_t end = text.find('}');
      return text.substr(0, end == std::string_view::npos ? 1 : end + 1);
    }
    size_t size = 1;
    while (size < text.size() && IsNameCharacter(text[size])) ++size;
    return text.substr(0, size);
  }

  const EnvironmentLookup& lookup_;
};

// The token without the white space around it.
absl::StatusOr<Secret> CheckToken(std::string_view text, std::string_view origin) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return Secret();
  text = text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
  if (!std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7F; })) {
    return absl::InvalidArgumentError(
        fmt::format("{} holds a character that no token has", origin));
  }
  return Secret(std::string(text));
}

absl::StatusOr<Secret> ReadToken(const Environment& environment, const std::string& home) {
  if (const std::string token = environment.Get({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"});
      !token.empty()) {
    return CheckToken(token, "HF_TOKEN");
  }
  const std::string named = environment.Get({"HF_TOKEN_PATH"});
  const std::filesystem::path path = named.empty() ? home + "/token" : environment.Expand(named);
  absl::StatusOr<std::string> content = ReadFile(path, kMaxTokenBytes);
  // A token that somebody points at must be there; the usual place may be empty, or not for us.
  if (!content.ok() && named.empty()) return Secret();
  if (!content.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("HF_TOKEN_PATH: {}", std::string(content.status().message())));
  }
  return CheckToken(*content, path.string());
}

}  // namespace

absl::StatusOr<HubOptions> HubOptionsFromEnvironment(const EnvironmentLookup& lookup) {
  const Environment environment(lookup);
  HubOptions options;
  std::string home = environment.Expand(environment.Get({"HF_HOME"}));
  if (home.empty()) {
    std::string caches = environment.Get({"XDG_CACHE_HOME"});
    if (caches.empty() && !environment.Get({"HOME"}).empty()) caches = "~/.cache";
    if (!caches.empty()) home = environment.Expand(caches) + "/huggingface";
  }
  options.cache_dir =
      environment.Expand(environment.Get({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}));
  if (options.cache_dir.empty() && home.empty()) {
    return absl::InvalidArgumentError(
        "HOME is not set; set HF_HOME or HF_HUB_CACHE to the folder where models are kept");
  }
  if (options.cache_dir.empty()) options.cache_dir = home + "/hub";
  if (std::string endpoint = environment.Get({"HF_ENDPOINT"}); !endpoint.empty()) {
    while (endpoint.ends_with('/')) endpoint.pop_back();
    if (const auto url = ParseUrl(endpoint); !url.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("HF_ENDPOINT: {}", std::string(url.status().message())));
    }
    options.endpoint = std::move(endpoint);
  }
  RERANKD_ASSIGN_OR_RETURN(options.token, ReadToken(environment, home));
  options.offline = environment.IsTrue({"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"});
  options.ca_file = environment.Get({"SSL_CERT_FILE"});
  return options;
}

}  // namespace rerankd
