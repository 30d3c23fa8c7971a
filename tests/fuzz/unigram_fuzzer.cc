// Any valid UTF-8 through Unigram tokenizers of many kinds: ids are in range, stopping early yields
// a prefix, and `complete` is exact. And any bytes as a SentencePiece model: an error or a
// tokenizer that works, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/tokenizer_checks.h"
#include "tokenizer/charsmap_builder.h"
#include "tokenizer/precompiled_charsmap.h"
#include "tokenizer/sentencepiece_builder.h"
#include "tokenizer/text_normalizer.h"
#include "tokenizer/tokenizer_factory.h"
#include "tokenizer/unigram_tokenizer.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

TextNormalizer Normalizer(int number) {
  std::vector<std::unique_ptr<NormalizerStep>> steps;
  if (number & 1) {
    steps.push_back(MakePrecompiledStep(*PrecompiledCharsmap::Parse(BuildCharsmap(
        {{"A", "a"}, {"e\u0301", "\u00E9"}, {"\t", " "}, {"\u200B", ""}, {"\u00BD", "1/2"}}))));
  }
  if (number & 2) {
    steps.push_back(MakeStripStep((number & 4) != 0, true));
    steps.push_back(MakeReplaceRunsStep(SpaceRuns::kSpaces, " "));
    steps.push_back(MakeUnicodeStep(UnicodeForm::kNfkc));
  }
  if (number & 4) {
    steps.push_back(MakeReplaceStep("``", "\""));
    steps.push_back(MakeUnicodeStep(UnicodeForm::kNfkd));
    steps.push_back(MakeStripAccentsStep());
    steps.push_back(MakeLowercaseStep());
  }
  return TextNormalizer(std::move(steps));
}

UnigramTokenizer::Options Variant(int number) {
  UnigramTokenizer::Options options;
  options.pieces = {{"<unk>", 0},   {"\u2581", -2},    {"the", -3},    {"\u2581the", -3.5},
                    {"\u00E9", -4}, {"<unk><unk>", 1}, {"aaaa", -3},   {"aa", -2},
                    {"ab", -2.5},   {"abab", -5},      {"<0x78>", -9}, {"\u4E2D\u6587", -6}};
  for (const char c : std::string_view("abcdefghijklmnop.,<>0123")) {
    options.pieces.push_back({std::string(1, c), -3 - 0.1 * (c % 7)});
  }
  options.byte_fallback = (number & 16) != 0;
  options.normalizer = Normalizer(number);
  options.split_at_white_space = (number & 8) != 0;
  if (number & 32) {
    options.metaspace = UnigramTokenizer::Metaspace{
        .prepend = static_cast<UnigramTokenizer::Metaspace::Prepend>(number % 3),
        .split = (number & 4) != 0};
  }
  options.added_tokens = {{.content = "<m>", .lstrip = true}, {.content = "[S]", .rstrip = true}};
  if (number & 16) {
    options.added_tokens.push_back({.content = "New", .normalized = true});
    options.added_tokens.push_back({.content = "ab", .single_word = true, .normalized = true});
    options.added_tokens.push_back({.content = "\n"});
  }
  return options;
}

void RunModel(const std::string& model) {
  for (const char* config :
       {R"({"tokenizer_class": "XLMRobertaTokenizer"})",
        R"({"tokenizer_class": "CamembertTokenizer"})", R"({"tokenizer_class": "T5Tokenizer"})"}) {
    const auto tokenizer =
        MakeTokenizer({.folder = "f", .tokenizer_config = config, .sentencepiece = model});
    if (tokenizer.ok()) CheckTokenizer(**tokenizer, "A ab\u3000e\u0301\u4E2D<mask> x</s>");
  }
}

}  // namespace
}  // namespace rerankd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rerankd;  // NOLINT(google-build-using-namespace)
  static const auto* const tokenizers = [] {
    auto* const made = new std::vector<std::unique_ptr<UnigramTokenizer>>();
    for (int number = 0; number < 64; ++number) {
      made->push_back(*UnigramTokenizer::Create(Variant(number), "fuzz"));
    }
    return made;
  }();
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] < 64) {
    if (!FindInvalidUtf8(rest).has_value()) CheckTokenizer(*(*tokenizers)[data[0]], rest);
  } else if (data[0] < 128) {
    RunModel(std::string(rest));
  } else if (data[0] < 192) {  // behind what makes each family's model whole
    const std::string xlm_r =
        PieceField("<unk>", 0, 2) + PieceField("<s>", 0, 3) + PieceField("</s>", 0, 3);
    const std::string t5 =
        PieceField("<pad>", 0, 3) + PieceField("</s>", 0, 3) + PieceField("<unk>", 0, 2);
    RunModel((data[0] & 1 ? xlm_r : t5) + PieceField("a", -1) + std::string(rest));
  } else {
    RunModel(PieceField("<unk>", 0, 2) + PieceField("<s>", 0, 3) + PieceField("</s>", 0, 3) +
             PieceField("a", -1) + BytesField(3, BytesField(2, rest)));
  }
  return 0;
}
