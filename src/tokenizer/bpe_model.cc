#include "tokenizer/bpe_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <queue>
#include <span>
#include <unordered_map>

#include "tokenizer/utf8_codec.h"
#include "util/utf8.h"

// A word begins as one symbol for each byte. Of all neighbours that have a merge, those of the
// lowest rank, and among these the leftmost, become one symbol; and so on until none has. Symbols
// only grow, and the text of a merge's result is that of its parts, so an entry of the queue that
// is out of date never looks like one that is not.
//
// Of a long word only the beginning may be wanted. What lies to the left of some place depends on
// what lies to its right only through the last symbol before it, L: until L merges across that
// place, every merge on the left is the same, whatever follows. Such a merge has the rank of (L,
// R), where R is a token that the text goes on with there, and no shorter than what was R before.
// So L is kept while the queue is below the lowest such rank, and then given up: it no longer
// counts as known, the place moves to its beginning, and the symbol before it is the last one. The
// merges of what is left are those of any word that begins like this, in the order in which that
// word has them. As ranks rise while tokens get longer, few symbols are given up.
namespace rerankd {
namespace {

// Up to here, looking at every pair again is faster than keeping a queue.
constexpr size_t kShortWord = 32;

// The characters of ByteLevel's alphabet: printable Latin-1 stands for itself, and the other bytes,
// in their order, for what follows from U+0100 on.
std::array<char32_t, 256> ByteCharacters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < characters.size(); ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    characters[byte] = printable ? byte : next++;
  }
  return characters;
}

// The bytes that a token stands for; nullopt when it has a character that is no byte's.
std::optional<std::string> BytesOf(std::string_view token,
                                   const std::unordered_map<char32_t, char>& byte_of) {
  std::string bytes;
  for (size_t i = 0; i < token.size();) {
    const auto found = byte_of.find(NextCodePoint(token, i));
    if (found == byte_of.end()) return std::nullopt;
    bytes += found->second;
  }
  return bytes;
}

}  // namespace

BpeModel::MergeTable::MergeTable(size_t count)
    : entries_(std::bit_ceil(std::max<size_t>(2 * count, 4))),
      shift_(64 - std::countr_zero(entries_.size())) {}

void BpeModel::MergeTable::Set(int32_t left, int32_t right, Merge merge) {
  entries_[Slot(left, right)] = {left, right, merge};
}

// The symbols of one word, or of the beginning of one, as a linked list with a queue of merges.
class BpeModel::LongWord {
 public:
  LongWord(const BpeModel& model, std::span<const int32_t> ids) : model_(model) {
    symbols_.reserve(ids.size());
    for (const int32_t id : ids) {
      const auto index = static_cast<uint32_t>(symbols_.size());
      symbols_.push_back({id, index == 0 ? kNone : index - 1, index + 1});
    }
    symbols_.back().next = kNone;
    std::vector<Step> steps;
    steps.reserve(ids.size());
    for (uint32_t at = 0; at + 1 < symbols_.size(); ++at) {
      if (const Merge* const merge = model_.merges_.Find(ids[at], ids[at + 1]); merge != nullptr) {
        steps.push_back({merge->rank, at, merge->id});
      }
    }
    steps_ = Steps(std::greater<>(), std::move(steps));
  }

  // Says that the word goes on, with `text` as far as that is known. The symbols stand for the
  // bytes before it.
  void LeaveEndOpen(std::string_view text, size_t begin) {
    text_ = text;
    end_ = begin;
    open_ = true;
    WatchLast(static_cast<uint32_t>(symbols_.size() - 1));
  }

  void Run() {
    while (!steps_.empty()) {
      const Step step = steps_.top();
      steps_.pop();
      if (step.id < 0) {
        GiveUpLast(step);
      } else {
        MergeAt(step);
      }
    }
  }

  void AppendIds(std::vector<int32_t>& ids) const {
    for (uint32_t at = empty_ ? kNone : 0; at != kNone; at = symbols_[at].next) {
      ids.push_back(symbols_[at].id);
    }
  }

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  static constexpr int32_t kMerged = -1;

  struct Symbol {
    int32_t id;  // kMerged: part of another symbol now, or given up
    uint32_t previous;
    uint32_t next;
  };
  // A merge of the symbol at `at` with the next one; or, with the complement of the symbol's id,
  // the rank at which the last symbol may merge with what is not known.
  struct Step {
    uint32_t rank;
    uint32_t at;
    int32_t id;
    bool operator>(const Step& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  using Steps = std::priority_queue<Step, std::vector<Step>, std::greater<>>;

  void MergeAt(const Step& step) {
    Symbol& symbol = symbols_[step.at];
    if (symbol.id == kMerged || symbol.next == kNone) return;
    Symbol& right = symbols_[symbol.next];
    const Merge* const merge = model_.merges_.Find(symbol.id, right.id);
    if (merge == nullptr || merge->id != step.id) return;  // out of date
    symbol.id = step.id;
    symbol.next = right.next;
    right.id = kMerged;
    if (symbol.next != kNone) {
      symbols_[symbol.next].previous = step.at;
      Push(step.at);
    } else if (open_) {
      WatchLast(step.at);
    }
    if (symbol.previous != kNone) Push(symbol.previous);
  }

  void Push(uint32_t at) {
    const Symbol& symbol = symbols_[at];
    const Merge* const merge = model_.merges_.Find(symbol.id, symbols_[symbol.next].id);
    if (merge != nullptr) steps_.push({merge->rank, at, merge->id});
  }

  // Once a merge of the last symbol with what follows could have come, it is not known any more
  // what became of it. What follows is a token that the text goes on with there.
  void WatchLast(uint32_t at) {
    const Symbol& last = symbols_[at];
    uint32_t rank = kNone;
    model_.tokens_.ForEachPrefix(text_.substr(end_), [&](ByteTrie::Match next) {
      if (next.length < next_length_) return;
      const Merge* const merge = model_.merges_.Find(last.id, next.value);
      if (merge != nullptr) rank = std::min(rank, merge->rank);
    });
    if (rank != kNone) steps_.push({rank, at, ~last.id});
  }

  void GiveUpLast(const Step& step) {
    Symbol& last = symbols_[step.at];
    if (last.id != ~step.id || last.next != kNone) return;  // out of date
    last.id = kMerged;
    // As there is one symbol for each byte, its index is its place in the text.
    next_length_ = end_ - step.at;
    end_ = step.at;
    if (last.previous == kNone) {
      empty_ = true;
      return;
    }
    symbols_[last.previous].next = kNone;
    WatchLast(last.previous);
  }

  const BpeModel& model_;
  std::vector<Symbol> symbols_;
  Steps steps_;
  bool open_ = false;
  bool empty_ = false;
  // While the end is open:
  std::string_view text_;
  size_t end_ = 0;          // of the symbols, in `text_`
  size_t next_length_ = 1;  // what follows them is at least so long
};

absl::StatusOr<BpeModel> BpeModel::Create(const Options& options, std::string_view origin) {
  const auto error = [origin](std::string_view problem) {
    return absl::FailedPreconditionError(fmt::format("{}: {}", origin, problem));
  };
  if (options.vocabulary.empty()) return error("the vocabulary is empty");
  std::unordered_map<std::string_view, int32_t> index;
  for (const std::string& token : options.vocabulary) {
    const auto id = static_cast<int32_t>(index.size());
    if (token.empty()) return error(fmt::format("the token of id {} is empty", id));
    if (FindInvalidUtf8(token).has_value()) {
      return error(fmt::format("the token of id {} is not valid UTF-8", id));
    }
    if (const auto [earlier, is_new] = index.emplace(token, id); !is_new) {
      return error(
          fmt::format("the token \"{}\" has two ids, {} and {}", token, earlier->second, id));
    }
  }

  BpeModel model(options.merges.size());
  model.fuse_unknown_ = options.fuse_unknown;
  for (uint32_t rank = 0; rank < options.merges.size(); ++rank) {
    const auto& [left, right] = options.merges[rank];
    int32_t ids[3];
    const std::string parts[3] = {left, right, left + right};
    for (int i = 0; i < 3; ++i) {
      const auto found = index.find(parts[i]);
      if (found == index.end()) {
        return error(fmt::format("the vocabulary lacks \"{}\" of merge {}, \"{} {}\"", parts[i],
                                 rank, left, right));
      }
      ids[i] = found->second;
    }
    model.merges_.Set(ids[0], ids[1], {rank, ids[2]});
  }

  if (options.unknown_token.has_value()) {
    if (const auto found = index.find(*options.unknown_token); found != index.end()) {
      model.unknown_id_ = found->second;
    }
  }
  const std::array<char32_t, 256> characters = ByteCharacters();
  std::unordered_map<char32_t, char> byte_of;
  for (size_t byte = 0; byte < characters.size(); ++byte) {
    byte_of.emplace(characters[byte], static_cast<char>(byte));
    std::string character;
    AppendCodePoint(characters[byte], character);
    ByteSymbols& symbols = model.bytes_[byte];
    if (const auto found = index.find(character); found != index.end()) {
      symbols.ids[symbols.count++] = found->second;
      continue;
    }
    model.every_byte_is_a_token_ = false;
    if (options.byte_fallback) {
      for (const char part : character) {
        const auto found = index.find(fmt::format("<0x{:02X}>", static_cast<uint8_t>(part)));
        if (found != index.end()) symbols.ids[symbols.count++] = found->second;
      }
      symbols.fallback = symbols.count == character.size();
      if (symbols.fallback) continue;
      symbols.count = 0;
    }
    if (!options.unknown_token.has_value()) continue;
    if (!model.unknown_id_.has_value()) {
      return error(
          fmt::format("the vocabulary lacks the unknown token \"{}\", and \"{}\", which "
                      "stands for the byte {}",
                      *options.unknown_token, character, byte));
    }
    symbols.unknown = true;
  }

  std::vector<std::pair<std::string, int32_t>> tokens;
  for (size_t id = 0; id < options.vocabulary.size(); ++id) {
    if (std::optional<std::string> bytes = BytesOf(options.vocabulary[id], byte_of)) {
      model.longest_token_ = std::max(model.longest_token_, bytes->size());
      tokens.emplace_back(*std::move(bytes), static_cast<int32_t>(id));
    }
  }
  model.tokens_ = ByteTrie({tokens.begin(), tokens.end()});
  model.whole_.resize(options.vocabulary.size(), options.ignore_merges);
  std::vector<int32_t> ids;
  for (const auto& [bytes, id] : tokens) {
    if (options.ignore_merges) break;
    ids.clear();
    model.Encode(bytes, ids);
    model.whole_[id] = ids.size() == 1 && ids[0] == id;
  }
  return model;
}

void BpeModel::Encode(std::string_view word, std::vector<int32_t>& ids) const {
  const ByteTrie::Match token = tokens_.LongestPrefix(word);
  if (token.length > 0 && token.length == word.size() && whole_[token.value]) {
    ids.push_back(token.value);
    return;
  }
  const size_t begin = ids.size();
  AppendSymbols(word, ids);
  const size_t count = ids.size() - begin;
  if (count <= kShortWord) {
    MergeShort(ids, begin);
    return;
  }
  LongWord symbols(*this, std::span(ids).subspan(begin));
  symbols.Run();
  ids.resize(begin);
  symbols.AppendIds(ids);
}

void BpeModel::EncodeBeginning(std::string_view beginning, std::vector<int32_t>& ids) const {
  if (!every_byte_is_a_token_ || beginning.size() <= longest_token_) return;
  // The rest is looked at to know which tokens may follow.
  const size_t size = beginning.size() - longest_token_;
  const size_t begin = ids.size();
  AppendSymbols(beginning.substr(0, size), ids);
  LongWord symbols(*this, std::span(ids).subspan(begin));
  symbols.LeaveEndOpen(beginning, size);
  symbols.Run();
  ids.resize(begin);
  symbols.AppendIds(ids);
}

void BpeModel::AppendSymbols(std::string_view word, std::vector<int32_t>& symbols) const {
  bool unknown = false;  // waits for its end, which a fallback does not bring
  for (const char byte : word) {
    const ByteSymbols& own = bytes_[static_cast<uint8_t>(byte)];
    if (unknown && ((own.unknown && !fuse_unknown_) || (own.count > 0 && !own.fallback))) {
      symbols.push_back(*unknown_id_);
      unknown = false;
    }
    unknown = unknown || own.unknown;
    symbols.insert(symbols.end(), own.ids.begin(), own.ids.begin() + own.count);
  }
  if (unknown) symbols.push_back(*unknown_id_);
}

void BpeModel::MergeShort(std::vector<int32_t>& ids, size_t begin) const {
  constexpr uint32_t kNever = std::numeric_limits<uint32_t>::max();
  int32_t* const symbols = ids.data() + begin;
  size_t count = ids.size() - begin;
  Merge merges[kShortWord];  // of a symbol with the next one
  const auto look_up = [&](size_t at) {
    const Merge* const merge = merges_.Find(symbols[at], symbols[at + 1]);
    merges[at] = merge == nullptr ? Merge{kNever, 0} : *merge;
  };
  for (size_t at = 0; at + 1 < count; ++at) look_up(at);
  while (count > 1) {
    size_t best = 0;
    for (size_t at = 1; at + 1 < count; ++at) {
      if (merges[at].rank < merges[best].rank) best = at;
    }
    if (merges[best].rank == kNever) break;
    symbols[best] = merges[best].id;
    --count;
    std::copy(symbols + best + 2, symbols + count + 1, symbols + best + 1);
    std::copy(merges + best + 1, merges + count, merges + best);
    if (best > 0) look_up(best - 1);
    if (best + 1 < count) look_up(best);
  }
  ids.resize(begin + count);
}

}  // namespace rerankd
