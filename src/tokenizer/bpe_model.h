// Byte pair encoding of the bytes of a word, as the BPE model of Hugging Face `tokenizers` does it
// behind a ByteLevel pre-tokenizer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/byte_trie.h"

namespace rerankd {

// Immutable, safe for concurrent use.
class BpeModel {
 public:
  struct Options {
    // The index is the id. A token is written in ByteLevel's alphabet, one character for each byte.
    std::vector<std::string> vocabulary;
    std::vector<std::pair<std::string, std::string>> merges;  // what comes first is merged first
    std::optional<std::string> unknown_token;  // of a byte without a token; else it yields nothing
    bool fuse_unknown = false;                 // unknown bytes side by side are one unknown token
    bool byte_fallback = false;                // try tokens such as "<0xC4>" before the unknown one
    bool ignore_merges = false;                // a word that is a token is that token
  };

  // FAILED_PRECONDITION, beginning with `origin`, when the parts do not fit together.
  static absl::StatusOr<BpeModel> Create(const Options& options, std::string_view origin);

  // Appends the ids of `word`. The time is proportional to its length, times the logarithm of it.
  void Encode(std::string_view word, std::vector<int32_t>& ids) const;

  // Appends ids that every word that begins with `beginning` begins with: nearly all that its bytes
  // yield, but for the last few, or none when that cannot be told. So the first ids of a very long
  // word need not wait for the rest.
  void EncodeBeginning(std::string_view beginning, std::vector<int32_t>& ids) const;

 private:
  struct Merge {
    uint32_t rank;  // smaller is earlier
    int32_t id;     // of the result
  };
  // From a pair of ids to its merge: a hash table with open addressing.
  class MergeTable {
   public:
    explicit MergeTable(size_t count);
    void Set(int32_t left, int32_t right, Merge merge);  // replaces an earlier one
    // Null when the two do not merge.
    const Merge* Find(int32_t left, int32_t right) const {
      const Entry& entry = entries_[Slot(left, right)];
      return entry.left < 0 ? nullptr : &entry.merge;
    }

   private:
    struct Entry {
      int32_t left = -1;  // no entry
      int32_t right = -1;
      Merge merge{};
    };
    size_t Slot(int32_t left, int32_t right) const {
      const uint64_t key =
          uint64_t{static_cast<uint32_t>(left)} << 32 | uint64_t{static_cast<uint32_t>(right)};
      size_t slot = (key * 0x9E3779B97F4A7C15U) >> shift_;
      while (entries_[slot].left >= 0 &&
             (entries_[slot].left != left || entries_[slot].right != right)) {
        slot = (slot + 1) & (entries_.size() - 1);
      }
      return slot;
    }

    std::vector<Entry> entries_;
    int shift_;
  };
  // What a byte is before any merge.
  struct ByteSymbols {
    bool unknown = false;
    bool fallback = false;  // `ids` are byte_fallback's
    uint8_t count = 0;
    std::array<int32_t, 2> ids{};
  };
  class LongWord;

  explicit BpeModel(size_t merges) : merges_(merges) {}

  void AppendSymbols(std::string_view word, std::vector<int32_t>& symbols) const;
  void MergeShort(std::vector<int32_t>& ids, size_t begin) const;

  ByteTrie tokens_;          // by their bytes
  std::vector<bool> whole_;  // by id: the token's bytes, as a word, are this token
  std::array<ByteSymbols, 256> bytes_;
  MergeTable merges_;
  std::optional<int32_t> unknown_id_;
  bool fuse_unknown_ = false;
  bool every_byte_is_a_token_ = true;
  size_t longest_token_ = 0;
};

}  // namespace rerankd
