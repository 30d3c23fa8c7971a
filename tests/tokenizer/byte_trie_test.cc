#include "tokenizer/byte_trie.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rerankd {
namespace {

TEST(ByteTrieTest, FindsTheLongestKeyThatIsAPrefix) {
  const ByteTrie trie({{"un", 1}, {"unaff", 2}, {"unaffable", 3}, {"zebra", 4}});
  EXPECT_EQ(trie.LongestPrefix("unaffabl").length, 5U);
  EXPECT_EQ(trie.LongestPrefix("unaffabl").value, 2);
  EXPECT_EQ(trie.LongestPrefix("unaffable!").value, 3);
  EXPECT_EQ(trie.LongestPrefix("unzip").value, 1);
  EXPECT_EQ(trie.LongestPrefix("u").length, 0U);
  EXPECT_EQ(trie.LongestPrefix("").length, 0U);
  EXPECT_EQ(trie.LongestPrefix("yak").length, 0U);
}

TEST(ByteTrieTest, TakesEveryByteValue) {
  std::vector<std::string> keys;
  for (int byte = 0; byte < 256; ++byte) {
    keys.push_back(std::string(1, static_cast<char>(byte)));
    keys.push_back(std::string(2, static_cast<char>(byte)));
  }
  std::vector<std::pair<std::string_view, int32_t>> entries;
  entries.reserve(keys.size());
  for (const std::string& key : keys)
    entries.emplace_back(key, static_cast<int32_t>(entries.size()));
  const ByteTrie trie(entries);
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(trie.LongestPrefix(keys[i]).length, keys[i].size());
    EXPECT_EQ(trie.LongestPrefix(keys[i]).value, static_cast<int32_t>(i));
  }
}

TEST(ByteTrieTest, EmptyKeyIsNobodysPrefix) {
  EXPECT_EQ(ByteTrie({{"", 7}}).LongestPrefix("a").length, 0U);
  EXPECT_EQ(ByteTrie({{"", 7}, {"a", 8}}).LongestPrefix("ab").value, 8);
  EXPECT_EQ(ByteTrie().LongestPrefix("a").length, 0U);
}

}  // namespace
}  // namespace rerankd
