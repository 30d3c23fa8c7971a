#include "tokenizer/byte_trie.h"

#include <algorithm>

namespace rerankd {

// Not in the header: g++ 12 inlines it and then warns of a child that no empty trie has.
ByteTrie::ByteTrie() = default;

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, int32_t>> entries) {
  std::sort(entries.begin(), entries.end());
  // The entries [begin, end) share the first `depth` bytes, which lead to `node`.
  struct Range {
    size_t begin;
    size_t end;
    size_t depth;
    uint32_t node;
  };
  std::vector<Range> todo{{0, entries.size(), 0, 0}};
  while (!todo.empty()) {
    auto [begin, end, depth, node] = todo.back();
    todo.pop_back();
    for (; begin < end && entries[begin].first.size() == depth; ++begin) {
      if (depth > 0) nodes_[node].value = entries[begin].second;
    }
    if (begin == end) continue;
    const auto byte_at = [&](size_t entry) {
      return static_cast<uint8_t>(entries[entry].first[depth]);
    };
    nodes_[node].first = byte_at(begin);
    nodes_[node].slots = static_cast<uint16_t>(byte_at(end - 1) - byte_at(begin) + 1);
    nodes_[node].children = static_cast<uint32_t>(children_.size());
    children_.resize(children_.size() + nodes_[node].slots, 0);
    while (begin < end) {
      const uint8_t byte = byte_at(begin);
      size_t next = begin;
      while (next < end && byte_at(next) == byte) ++next;
      const auto child = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
      children_[nodes_[node].children + byte - nodes_[node].first] = child;
      todo.push_back({begin, next, depth + 1, child});
      begin = next;
    }
  }
}

}  // namespace rerankd
