// A file of API keys is untrusted bytes: it is refused without showing what it holds, or its keys
// can be written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "security/api_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto keys = rerankd::ParseApiKeys(text);
  if (!keys.ok()) return 0;
  std::string written = "# keys\n";
  for (const rerankd::ApiKey& key : *keys) written += rerankd::FormatApiKey(key) + "\n";
  const auto again = rerankd::ParseApiKeys(written);
  if (!again.ok() || again->size() != keys->size()) std::abort();
  for (size_t i = 0; i < keys->size(); ++i) {
    const rerankd::ApiKey& before = (*keys)[i];
    const rerankd::ApiKey& after = (*again)[i];
    if (after.tenant != before.tenant || after.hash != before.hash || after.rate != before.rate ||
        after.admin != before.admin || rerankd::FindApiKey(*again, before.hash) != &after) {
      std::abort();
    }
  }
  return 0;
}
