#include "providers/scrub.h"

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "util/printable.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

constexpr size_t kMinKeyRun = 8;
constexpr size_t kMinTextRun = 20;
// What is shorter says too little, and is in too many messages.
constexpr size_t kMinWhole = 3;
constexpr std::string_view kRemoved = "[...]";
// More is cut off before anything is compared.
constexpr size_t kMaxCompared = 8192;

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Marks the bytes of a short text that are also in longer ones. A window of `run` bytes slides over
// both; whether the short text may have one tells a hash that is updated byte by byte.
class Marker {
 public:
  Marker(std::string_view text, size_t run, std::vector<bool>& marked)
      : text_(text), run_(run), marked_(marked) {
    for (size_t i = 1; i < run_; ++i) top_ *= kBase;
    Slide(text_, [&](size_t at, uint64_t hash) {
      windows_[text_.substr(at, run_)].places.push_back(at);
      seen_.set(Slot(hash));
    });
  }

  void MarkPiecesOf(std::string_view other) {
    if (other.size() < run_) return MarkWhole(other);
    Slide(other, [&](size_t at, uint64_t hash) {
      if (!seen_.test(Slot(hash))) return;
      const auto window = windows_.find(other.substr(at, run_));
      if (window == windows_.end() || window->second.is_marked) return;
      window->second.is_marked = true;
      for (const size_t place : window->second.places) {
        std::fill_n(marked_.begin() + static_cast<ptrdiff_t>(place), run_, true);
      }
    });
  }

 private:
  struct Window {
    std::vector<size_t> places;
    bool is_marked = false;
  };
  static constexpr uint64_t kBase = 0x9E3779B97F4A7C15U;
  static constexpr size_t kSlots = 1 << 16;
  static size_t Slot(uint64_t hash) { return hash >> 48; }

  template <typename Visit>
  void Slide(std::string_view text, const Visit& visit) const {
    uint64_t hash = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      if (i >= run_) hash -= top_ * static_cast<unsigned char>(text[i - run_]);
      hash = hash * kBase + static_cast<unsigned char>(text[i]);
      if (i + 1 >= run_) visit(i + 1 - run_, hash);
    }
  }

  // A short text is everywhere by chance; only what stands by itself is taken for it.
  void MarkWhole(std::string_view other) {
    if (other.size() < kMinWhole) return;
    for (size_t at = text_.find(other); at != std::string_view::npos;
         at = text_.find(other, at + 1)) {
      const size_t end = at + other.size();
      if (at > 0 && IsWordByte(text_[at - 1]) && IsWordByte(other.front())) continue;
      if (end < text_.size() && IsWordByte(text_[end]) && IsWordByte(other.back())) continue;
      std::fill_n(marked_.begin() + static_cast<ptrdiff_t>(at), other.size(), true);
    }
  }

  const std::string_view text_;
  const size_t run_;
  std::vector<bool>& marked_;
  uint64_t top_ = 1;  // kBase to the power run_ - 1
  std::unordered_map<std::string_view, Window> windows_;
  std::bitset<kSlots> seen_;
};

std::string WithoutMarked(std::string_view text, const std::vector<bool>& marked) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!marked[i]) {
      out += text[i];
    } else if (i == 0 || !marked[i - 1]) {
      out += kRemoved;
    }
  }
  return out;
}

}  // namespace

std::string Scrub(std::string_view text, const Secret& key, const RerankRequest& request,
                  size_t max_bytes) {
  text = text.substr(0, kMaxCompared);
  if (text.empty()) return "";
  std::vector<bool> marked(text.size(), false);
  Marker(text, kMinKeyRun, marked).MarkPiecesOf(key.Reveal());
  Marker texts(text, kMinTextRun, marked);
  texts.MarkPiecesOf(request.query);
  for (const std::string& document : request.documents) texts.MarkPiecesOf(document);

  std::string out = WithoutMarked(text, marked);
  while (const auto offset = FindInvalidUtf8(out)) out[*offset] = '?';
  out = EscapeControls(out);
  constexpr std::string_view kCut = "…";
  if (out.size() > max_bytes) {
    out.resize(Utf8FloorBoundary(out, max_bytes - std::min(max_bytes, kCut.size())));
    out += kCut;
  }
  return out;
}

}  // namespace rerankd
