// A SentencePiece character map of a few keys, byte by byte.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rerankd {

// The bytes of a map from each first to its second. Each node of the double array has 256 units of
// its own: large, but easy to see through.
inline std::string BuildCharsmap(const std::vector<std::pair<std::string, std::string>>& rules) {
  std::vector<uint32_t> units(512);
  units[0] = uint32_t{256} << 10;  // the root's children are at 256 ^ byte
  std::map<std::string, uint32_t> bases{{"", 256}};
  std::string strings;
  for (const auto& [key, value] : rules) {
    for (size_t size = 1; size <= key.size(); ++size) {
      const std::string prefix = key.substr(0, size);
      const uint32_t byte = static_cast<uint8_t>(prefix.back());
      const uint32_t at = bases.at(prefix.substr(0, size - 1)) ^ byte;
      if (!bases.contains(prefix)) {
        bases[prefix] = static_cast<uint32_t>(units.size());
        units.resize(units.size() + 256);
        units[at] = byte | (at ^ bases[prefix]) << 10;
      }
      if (size == key.size()) units[at] |= 0x100;
    }
    units[bases.at(key)] = 0x80000000U | static_cast<uint32_t>(strings.size());
    strings += value + '\0';
  }
  std::string bytes;
  const auto append = [&bytes](uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(number >> shift & 0xFF);
  };
  append(static_cast<uint32_t>(units.size() * 4));
  for (const uint32_t unit : units) append(unit);
  return bytes + strings;
}

}  // namespace rerankd
