#include "tokenizer/grapheme_breaker.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>

namespace rerankd {
namespace {

enum Category : uint8_t {
  kOther,
  kCr,
  kLf,
  kControl,
  kExtend,
  kLinker,     // kExtend, and InCB=Linker
  kNonJoiner,  // kExtend, but not InCB=Extend
  kZwj,
  kRegional,
  kPrepend,
  kSpacingMark,
  kLeading,  // of a Hangul syllable, as are the next four
  kVowel,
  kTrailing,
  kLeadingVowel,
  kLeadingVowelTrailing,
  kPictograph,
  kConsonant,  // InCB=Consonant
};

struct Range {
  char32_t first;
  char32_t last;
};
struct CategoryRange {
  char32_t first;
  char32_t last;
  Category category;
};

// Where Unicode 17 differs from the tables of ICU 72 (Unicode 15).
constexpr CategoryRange kSince15[] = {
    {0x0897, 0x0897, kExtend},        {0x0CC0, 0x0CC0, kExtend},
    {0x0CC7, 0x0CC8, kExtend},        {0x0CCA, 0x0CCB, kExtend},
    {0x1715, 0x1715, kExtend},        {0x1734, 0x1734, kExtend},
    {0x1ACF, 0x1ADD, kExtend},        {0x1AE0, 0x1AEB, kExtend},
    {0x1B3B, 0x1B3B, kExtend},        {0x1B3D, 0x1B3D, kExtend},
    {0x1B43, 0x1B44, kExtend},        {0x1BAA, 0x1BAA, kExtend},
    {0x1BF2, 0x1BF3, kExtend},        {0xA953, 0xA953, kExtend},
    {0xA9C0, 0xA9C0, kExtend},        {0x10D69, 0x10D6D, kExtend},
    {0x10EFA, 0x10EFC, kExtend},      {0x111C0, 0x111C0, kExtend},
    {0x11235, 0x11235, kExtend},      {0x1134D, 0x1134D, kExtend},
    {0x113B8, 0x113B8, kExtend},      {0x113B9, 0x113BA, kSpacingMark},
    {0x113BB, 0x113C0, kExtend},      {0x113C2, 0x113C2, kExtend},
    {0x113C5, 0x113C5, kExtend},      {0x113C7, 0x113C9, kExtend},
    {0x113CA, 0x113CA, kSpacingMark}, {0x113CC, 0x113CD, kSpacingMark},
    {0x113CE, 0x113D0, kExtend},      {0x113D1, 0x113D1, kPrepend},
    {0x113D2, 0x113D2, kExtend},      {0x113E1, 0x113E2, kExtend},
    {0x116B6, 0x116B6, kExtend},      {0x1171E, 0x1171E, kSpacingMark},
    {0x1193D, 0x1193D, kExtend},      {0x11A3A, 0x11A3A, kOther},
    {0x11B60, 0x11B60, kExtend},      {0x11B61, 0x11B61, kSpacingMark},
    {0x11B62, 0x11B64, kExtend},      {0x11B65, 0x11B65, kSpacingMark},
    {0x11B66, 0x11B66, kExtend},      {0x11B67, 0x11B67, kSpacingMark},
    {0x11F41, 0x11F41, kExtend},      {0x11F5A, 0x11F5A, kExtend},
    {0x1611E, 0x16129, kExtend},      {0x1612A, 0x1612C, kSpacingMark},
    {0x1612D, 0x1612F, kExtend},      {0x16D63, 0x16D63, kVowel},
    {0x16D67, 0x16D6A, kVowel},       {0x16FF0, 0x16FF1, kExtend},
    {0x1D166, 0x1D166, kExtend},      {0x1D16D, 0x1D16D, kExtend},
    {0x1E5EE, 0x1E5EF, kExtend},      {0x1E6E3, 0x1E6E3, kExtend},
    {0x1E6E6, 0x1E6E6, kExtend},      {0x1E6EE, 0x1E6EF, kExtend},
    {0x1E6F5, 0x1E6F5, kExtend}};

// Pictographs that became ordinary symbols when they were assigned.
constexpr Range kNoPictographs[] = {{0x1F777, 0x1F77A},
                                    {0x1F8B2, 0x1F8BB},
                                    {0x1F8C0, 0x1F8C1},
                                    {0x1F8D0, 0x1F8D8},
                                    {0x1FA54, 0x1FA57}};

// Indic_Conjunct_Break, which ICU 72 does not have.
constexpr char32_t kLinkers[] = {0x094D,  0x09CD,  0x0ACD,  0x0B4D,  0x0C4D,  0x0D4D, 0x1039,
                                 0x17D2,  0x1A60,  0x1B44,  0x1BAB,  0xA9C0,  0xAAF6, 0x10A3F,
                                 0x11133, 0x113D0, 0x1193E, 0x11A47, 0x11A99, 0x11F42};
constexpr Range kConsonants[] = {
    {0x0915, 0x0939},   {0x0958, 0x095F},   {0x0978, 0x097F},   {0x0995, 0x09A8},
    {0x09AA, 0x09B0},   {0x09B2, 0x09B2},   {0x09B6, 0x09B9},   {0x09DC, 0x09DD},
    {0x09DF, 0x09DF},   {0x09F0, 0x09F1},   {0x0A95, 0x0AA8},   {0x0AAA, 0x0AB0},
    {0x0AB2, 0x0AB3},   {0x0AB5, 0x0AB9},   {0x0AF9, 0x0AF9},   {0x0B15, 0x0B28},
    {0x0B2A, 0x0B30},   {0x0B32, 0x0B33},   {0x0B35, 0x0B39},   {0x0B5C, 0x0B5D},
    {0x0B5F, 0x0B5F},   {0x0B71, 0x0B71},   {0x0C15, 0x0C28},   {0x0C2A, 0x0C39},
    {0x0C58, 0x0C5A},   {0x0D15, 0x0D3A},   {0x1000, 0x102A},   {0x103F, 0x103F},
    {0x1050, 0x1055},   {0x105A, 0x105D},   {0x1061, 0x1061},   {0x1065, 0x1066},
    {0x106E, 0x1070},   {0x1075, 0x1081},   {0x108E, 0x108E},   {0x1780, 0x17B3},
    {0x1A20, 0x1A54},   {0x1B0B, 0x1B0C},   {0x1B13, 0x1B33},   {0x1B45, 0x1B4C},
    {0x1B83, 0x1BA0},   {0x1BAE, 0x1BAF},   {0x1BBB, 0x1BBD},   {0xA989, 0xA98B},
    {0xA98F, 0xA9B2},   {0xA9E0, 0xA9E4},   {0xA9E7, 0xA9EF},   {0xA9FA, 0xA9FE},
    {0xAA60, 0xAA6F},   {0xAA71, 0xAA73},   {0xAA7A, 0xAA7A},   {0xAA7E, 0xAA7F},
    {0xAAE0, 0xAAEA},   {0xABC0, 0xABDA},   {0x10A00, 0x10A00}, {0x10A10, 0x10A13},
    {0x10A15, 0x10A17}, {0x10A19, 0x10A35}, {0x11103, 0x11126}, {0x11144, 0x11144},
    {0x11147, 0x11147}, {0x11380, 0x11389}, {0x1138B, 0x1138B}, {0x1138E, 0x1138E},
    {0x11390, 0x113B5}, {0x11900, 0x11906}, {0x11909, 0x11909}, {0x1190C, 0x11913},
    {0x11915, 0x11916}, {0x11918, 0x1192F}, {0x11A00, 0x11A00}, {0x11A0B, 0x11A32},
    {0x11A50, 0x11A50}, {0x11A5C, 0x11A83}, {0x11F04, 0x11F10}, {0x11F12, 0x11F33}};

// The range with `c` of a sorted list, or nullptr.
template <typename AnyRange, size_t kSize>
const AnyRange* Find(const AnyRange (&ranges)[kSize], char32_t c) {
  const AnyRange* const found =
      std::lower_bound(std::begin(ranges), std::end(ranges), c,
                       [](const AnyRange& range, char32_t value) { return range.last < value; });
  return found != std::end(ranges) && found->first <= c ? found : nullptr;
}

Category LookUp(char32_t c) {
  if (c == 0x200C) return kNonJoiner;
  if (std::binary_search(std::begin(kLinkers), std::end(kLinkers), c)) return kLinker;
  if (Find(kConsonants, c) != nullptr) return kConsonant;
  if (const CategoryRange* range = Find(kSince15, c); range != nullptr) return range->category;
  const auto code_point = static_cast<UChar32>(c);
  switch (u_getIntPropertyValue(code_point, UCHAR_GRAPHEME_CLUSTER_BREAK)) {
    case U_GCB_CONTROL:
      return kControl;
    case U_GCB_CR:
      return kCr;
    case U_GCB_LF:
      return kLf;
    case U_GCB_EXTEND:
      return kExtend;
    case U_GCB_ZWJ:
      return kZwj;
    case U_GCB_REGIONAL_INDICATOR:
      return kRegional;
    case U_GCB_PREPEND:
      return kPrepend;
    case U_GCB_SPACING_MARK:
      return kSpacingMark;
    case U_GCB_L:
      return kLeading;
    case U_GCB_V:
      return kVowel;
    case U_GCB_T:
      return kTrailing;
    case U_GCB_LV:
      return kLeadingVowel;
    case U_GCB_LVT:
      return kLeadingVowelTrailing;
    default:
      break;
  }
  // Unicode 17 took those away that were assigned and no emoji.
  const bool pictograph =
      u_hasBinaryProperty(code_point, UCHAR_EXTENDED_PICTOGRAPHIC) &&
      (u_hasBinaryProperty(code_point, UCHAR_EMOJI) || u_charType(code_point) == U_UNASSIGNED) &&
      Find(kNoPictographs, c) == nullptr;
  return pictograph ? kPictograph : kOther;
}

// LookUp is slow for what runs once a character; nearly all of them are below U+10000.
Category CategoryOf(char32_t c) {
  static constexpr char32_t kTabled = 0x10000;
  static const std::array<Category, kTabled>* const table = [] {
    auto made = std::make_unique<std::array<Category, kTabled>>();
    for (char32_t i = 0; i < kTabled; ++i) (*made)[i] = LookUp(i);
    return made.release();
  }();
  return c < kTabled ? (*table)[c] : LookUp(c);
}

bool IsExtend(uint8_t category) {
  return category == kExtend || category == kLinker || category == kNonJoiner;
}

bool EndsLine(uint8_t category) {
  return category == kControl || category == kCr || category == kLf;
}

// The rules that two neighbours decide by themselves.
bool PairBreaks(uint8_t before, uint8_t after) {
  if (before == kCr && after == kLf) return false;
  if (EndsLine(before) || EndsLine(after)) return true;
  if (before == kLeading && (after == kLeading || after == kVowel || after == kLeadingVowel ||
                             after == kLeadingVowelTrailing)) {
    return false;
  }
  if ((before == kLeadingVowel || before == kVowel) && (after == kVowel || after == kTrailing)) {
    return false;
  }
  if ((before == kLeadingVowelTrailing || before == kTrailing) && after == kTrailing) return false;
  return !(IsExtend(after) || after == kZwj || after == kSpacingMark || before == kPrepend);
}

}  // namespace

bool GraphemeBreaker::BreaksBefore(char32_t c) {
  const Category category = CategoryOf(c);
  bool breaks = previous_ == kStart || PairBreaks(previous_, category);
  if (category == kPictograph && emoji_ == Emoji::kJoined) breaks = false;
  if (category == kConsonant && conjunct_ == Conjunct::kLinked) breaks = false;
  if (category == kRegional && odd_regional_) breaks = false;

  odd_regional_ = category == kRegional && !odd_regional_;
  if (category == kPictograph) {
    emoji_ = Emoji::kPictograph;
  } else if (category == kZwj && emoji_ == Emoji::kPictograph) {
    emoji_ = Emoji::kJoined;
  } else if (!IsExtend(category) || emoji_ == Emoji::kJoined) {
    emoji_ = Emoji::kNone;
  }
  if (category == kConsonant) {
    conjunct_ = Conjunct::kConsonant;
  } else if (category == kLinker && conjunct_ != Conjunct::kNone) {
    conjunct_ = Conjunct::kLinked;
  } else if (category != kExtend && category != kLinker && category != kZwj) {
    conjunct_ = Conjunct::kNone;
  }
  previous_ = category;
  return breaks;
}

}  // namespace rerankd
