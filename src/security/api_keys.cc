#include "security/api_keys.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <system_error>

#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr size_t kMaxKeys = 4096;
constexpr uint64_t kMaxRate = 1'000'000'000'000;
// A rate without a burst lets so many seconds of it be saved up.
constexpr double kBurstSeconds = 10;
constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::string_view kRate = "tokens_per_second=";
constexpr std::string_view kBurst = "burst=";

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  constexpr std::string_view kSpace = " \t\r";
  for (size_t begin = line.find_first_not_of(kSpace); begin != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(kSpace, begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(kSpace, end);
  }
  return words;
}

bool ParseHash(std::string_view word, KeyHash& hash) {
  if (!word.starts_with(kHashPrefix)) return false;
  word.remove_prefix(kHashPrefix.size());
  if (word.size() != 2 * hash.size()) return false;
  for (size_t i = 0; i < hash.size(); ++i) {
    const char* const digits = word.data() + 2 * i;
    const auto parsed = std::from_chars(digits, digits + 2, hash[i], 16);
    if (parsed.ec != std::errc() || parsed.ptr != digits + 2) return false;
  }
  return true;
}

absl::StatusOr<double> ParseTokens(std::string_view word, std::string_view name) {
  const std::string_view digits = word.substr(name.size());
  uint64_t tokens = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), tokens);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || tokens == 0 ||
      tokens > kMaxRate) {
    return absl::InvalidArgumentError(
        fmt::format("{} must be followed by a whole number, 1 to {}", name, kMaxRate));
  }
  return static_cast<double>(tokens);
}

// What a message may say of a line: a key may stand where its hash should.
absl::StatusOr<ApiKey> ParseLine(const std::vector<std::string_view>& words) {
  ApiKey key;
  RERANKD_RETURN_IF_ERROR(CheckTenant(words[0]));
  key.tenant = words[0];
  if (words.size() < 2 || !ParseHash(words[1], key.hash)) {
    return absl::InvalidArgumentError(
        "after the tenant must come \"sha256:\" and the 64 hexadecimal digits of the key's hash; "
        "rerankctl key makes such a line");
  }
  for (size_t i = 2; i < words.size(); ++i) {
    if (words[i].starts_with(kRate)) {
      RERANKD_ASSIGN_OR_RETURN(key.rate.per_second, ParseTokens(words[i], kRate));
    } else if (words[i].starts_with(kBurst)) {
      RERANKD_ASSIGN_OR_RETURN(key.rate.burst, ParseTokens(words[i], kBurst));
    } else if (words[i] == "admin") {
      key.admin = true;
    } else {
      return absl::InvalidArgumentError(
          "after the hash may come only tokens_per_second=N, burst=N and admin");
    }
  }
  if (key.rate.per_second == 0 && key.rate.burst != 0) {
    return absl::InvalidArgumentError("burst= needs tokens_per_second=");
  }
  if (key.rate.burst == 0) {
    key.rate.burst = std::min(kBurstSeconds * key.rate.per_second, static_cast<double>(kMaxRate));
  }
  return key;
}

}  // namespace

KeyHash HashOf(std::string_view key) {
  KeyHash hash;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash.data());
  return hash;
}

absl::Status CheckTenant(std::string_view name) {
  const bool good = !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-';
  });
  return good ? absl::OkStatus()
              : absl::InvalidArgumentError(
                    "a tenant's name must be 1 to 64 letters, digits and . _ -");
}

absl::StatusOr<std::vector<ApiKey>> ParseApiKeys(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.empty()) {
    return absl::InvalidArgumentError(
        "it is empty; a comment (a line that begins with #) would say that nobody is to get in");
  }
  std::vector<ApiKey> keys;
  std::set<KeyHash> hashes;
  std::map<std::string, TokenRate, std::less<>> rates;
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::vector<std::string_view> words = Words(text.substr(begin, end - begin));
    begin = end + 1;
    ++number;
    if (words.empty() || words[0].starts_with('#')) continue;
    const auto error = [number](std::string_view what) {
      return absl::InvalidArgumentError(fmt::format("line {}: {}", number, what));
    };
    if (keys.size() == kMaxKeys) return error(fmt::format("more than {} keys", kMaxKeys));
    absl::StatusOr<ApiKey> key = ParseLine(words);
    if (!key.ok()) return error(std::string(key.status().message()));
    if (!hashes.insert(key->hash).second) return error("this key is in a line above already");
    const auto [known, is_new] = rates.emplace(key->tenant, key->rate);
    if (!is_new && known->second != key->rate) {
      return error(
          "the tenant has another rate in a line above; its keys share one, so each line must "
          "state it");
    }
    keys.push_back(*std::move(key));
  }
  return keys;
}

std::string FormatApiKey(const ApiKey& key) {
  std::string line = fmt::format("{} {}", key.tenant, kHashPrefix);
  for (const uint8_t byte : key.hash) line += fmt::format("{:02x}", byte);
  if (key.rate.per_second > 0) {
    line += fmt::format(" {}{:.0f}", kRate, key.rate.per_second);
    if (key.rate.burst > 0) line += fmt::format(" {}{:.0f}", kBurst, key.rate.burst);
  }
  if (key.admin) line += " admin";
  return line;
}

const ApiKey* FindApiKey(const std::vector<ApiKey>& keys, const KeyHash& hash) {
  const ApiKey* found = nullptr;
  for (const ApiKey& key : keys) {
    if (CRYPTO_memcmp(key.hash.data(), hash.data(), hash.size()) == 0) found = &key;
  }
  return found;
}

absl::StatusOr<Secret> MakeApiKey() {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 33> random{};  // 32 are enough; 33 are whole digits
  if (RAND_bytes(random.data(), random.size()) != 1) {
    return absl::InternalError("the operating system gives no random numbers");
  }
  std::string key = "rr_";
  for (size_t i = 0; i < random.size(); i += 3) {
    const uint32_t three =
        (uint32_t{random[i]} << 16) | (uint32_t{random[i + 1]} << 8) | uint32_t{random[i + 2]};
    for (const int shift : {18, 12, 6, 0}) key += kDigits[(three >> shift) & 63];
  }
  return Secret(std::move(key));
}

}  // namespace rerankd
