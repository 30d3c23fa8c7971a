// A configuration file is untrusted bytes: it loads, or every error names the file, and what loads
// can be printed and loaded again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/config_loader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rerankd::ConfigSources sources;
  sources.default_model.name = "default";
  sources.default_model.path = "/models/default";
  if (size % 2 == 0) sources.home = "/home/me";
  const std::string yaml(reinterpret_cast<const char*>(data), size);
  const rerankd::LoadedConfig loaded = rerankd::LoadConfig(sources, yaml, "/etc/rerankd.yaml");
  for (const std::string& error : loaded.errors) {
    if (!error.starts_with("/etc/rerankd.yaml")) std::abort();
  }
  if (!loaded.errors.empty()) return 0;
  const std::string printed = rerankd::FormatConfig(loaded.config);
  const rerankd::LoadedConfig again = rerankd::LoadConfig(sources, printed, "/etc/rerankd.yaml");
  if (!again.errors.empty() || rerankd::FormatConfig(again.config) != printed) std::abort();
  return 0;
}
