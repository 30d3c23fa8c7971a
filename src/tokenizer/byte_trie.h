// Longest-prefix look-up of strings, without allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace rerankd {

// Immutable, safe for concurrent use. Each node keeps a dense array from its first to its last
// child byte: for vocabularies that is nearly as small as a packed double array, one look-up is as
// fast, and building it is a single pass.
class ByteTrie {
 public:
  struct Match {
    size_t length = 0;  // 0: no key is a prefix
    int32_t value = -1;
  };

  ByteTrie();
  // The empty key is ignored. REQUIRES: no other key twice, and no value below 0.
  explicit ByteTrie(std::vector<std::pair<std::string_view, int32_t>> entries);

  // The longest key that `text` begins with.
  Match LongestPrefix(std::string_view text) const {
    Match best;
    ForEachPrefix(text, [&best](Match match) { best = match; });
    return best;
  }

  // Calls `visit` with each key that `text` begins with, shorter ones first.
  template <typename Visit>
  void ForEachPrefix(std::string_view text, Visit visit) const {
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const Node& at = nodes_[node];
      const uint32_t slot = static_cast<uint8_t>(text[i]) - uint32_t{at.first};
      if (slot >= at.slots) break;
      node = children_[at.children + slot];
      if (node == 0) break;
      if (nodes_[node].value >= 0) visit(Match{i + 1, nodes_[node].value});
    }
  }

  // The value of the key `text`, or -1.
  int32_t Find(std::string_view text) const {
    const Match longest = LongestPrefix(text);
    return longest.length == text.size() ? longest.value : -1;
  }

 private:
  struct Node {
    uint32_t children = 0;  // where its slots begin
    uint16_t slots = 0;
    uint8_t first = 0;  // the byte of slot 0
    int32_t value = -1;
  };
  std::vector<Node> nodes_{Node{}};  // the root first
  std::vector<uint32_t> children_;   // 0: none (the root is nobody's child)
};

}  // namespace rerankd
