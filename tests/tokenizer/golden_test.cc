// Ids compared with those of Hugging Face `tokenizers`, as hashed by tools/tokenizer_golden.py:
// ugly texts, every code point, pairs of every small length, and real texts when they are there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"
#include "tokenizer/bert_normalizer.h"
#include "tokenizer/nfc_normalizer.h"
#include "tokenizer/pair_encoder.h"
#include "tokenizer/tokenizer_factory.h"
#include "tokenizer/tokenizer_json_reader.h"
#include "tokenizer/ugly_text.h"
#include "tokenizer/unigram_files.h"
#include "tokenizer/utf8_codec.h"
#include "util/file.h"

namespace rerankd {
namespace {

using nlohmann::json;

constexpr uint64_t kGroupSize = 250;
constexpr char32_t kCodePointGroup = 0x4000;
constexpr size_t kAllCodePoints = size_t{4} * (0x110000 - 0x800);

std::filesystem::path Source() {
  const char* value = std::getenv("RERANKD_SOURCE_DIR");  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::filesystem::path() : std::filesystem::path(value);
}

std::string Content(const std::filesystem::path& path) {
  absl::StatusOr<std::string> content = ReadFile(path);
  EXPECT_TRUE(content.ok()) << content.status();
  return content.ok() ? *std::move(content) : std::string();
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string Printable(std::string_view text) {
  std::string line;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = NextCodePoint(text, i);
    if (c > ' ' && c < 0x7F && c != '\\') {
      line += static_cast<char>(c);
    } else {
      line += fmt::format("\\{:x};", static_cast<uint32_t>(c));
    }
  }
  return line;
}

// FNV-1a over 32-bit numbers, with a mark at the end of each string.
class Hash {
 public:
  void Add(const std::vector<int32_t>& ids) {
    for (const int32_t id : ids) Add(static_cast<uint32_t>(id));
    Add(0xFFFFFFFFU);
  }
  std::string text() const { return fmt::format("{:016x}", value_); }

 private:
  void Add(uint32_t number) { value_ = (value_ ^ number) * 0x100000001B3U; }
  uint64_t value_ = 0xCBF29CE484222325U;
};

// What is compared of a text: its ids, or the characters of its normalized form.
using NumbersOf = std::function<std::vector<int32_t>(const std::string&)>;

NumbersOf IdsBy(const Tokenizer& tokenizer) {
  return [&tokenizer](const std::string& text) { return tokenizer.Tokenize(text).ids; };
}

std::string HashOf(const NumbersOf& numbers_of, const std::vector<std::string>& texts) {
  Hash hash;
  for (const std::string& text : texts) hash.Add(numbers_of(text));
  return hash.text();
}

std::unique_ptr<Tokenizer> Make(const TokenizerFiles& files) {
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(files);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

// A tokenizer.json with variants of it and their hashes, as tools/tokenizer_golden.py explains.
class Base {
 public:
  explicit Base(const std::string& name)
      : description_(json::parse(Content(Data() / (name + ".json")))),
        folder_(Source() / description_.at("folder").get<std::string>()),
        alike_(description_.at("alike").get<std::vector<std::string>>()) {
    if (!std::filesystem::exists(folder_ / "tokenizer.json")) return;
    root_ = json::parse(Content(folder_ / "tokenizer.json"));
    const json& vocab = root_.at("model").at("vocab");
    words_.resize(vocab.size());
    if (vocab.is_object()) {
      for (const auto& item : vocab.items()) words_[item.value().get<size_t>()] = item.key();
    } else {
      for (size_t id = 0; id < vocab.size(); ++id) words_[id] = vocab[id][0].get<std::string>();
    }
    for (const std::string& line : Lines(Content(Data() / (name + ".golden.txt")))) {
      const size_t space = line.rfind(' ');
      golden_.emplace(line.substr(0, space), line.substr(space + 1));
    }
  }

  bool is_there() const { return !words_.empty(); }
  const std::filesystem::path& folder() const { return folder_; }
  const std::vector<std::string>& words() const { return words_; }
  const std::map<std::string, std::string>& golden() const { return golden_; }
  std::string main() const { return description_.at("main").get<std::string>(); }

  // The names of its variants, or of those where `flag` is set.
  std::vector<std::string> Variants(const char* flag = nullptr) const {
    std::vector<std::string> names;
    for (const auto& item : description_.at("variants").items()) {
      if (flag == nullptr || item.value().value(flag, false)) names.push_back(item.key());
    }
    return names;
  }

  // The variant's tokenizer.json.
  std::string Variant(const std::string& variant) const {
    json root = root_;
    root.merge_patch(description_.at("variants").at(variant).at("patch"));
    return root.dump();
  }

  std::unique_ptr<Tokenizer> MakeVariant(const std::string& variant) const {
    return Make({.folder = variant, .tokenizer_json = Variant(variant)});
  }

  std::vector<std::string> Texts(const std::string& variant, uint64_t group) const {
    const auto seed = description_.at("variants").at(variant).at("seed").get<uint64_t>();
    UglyText random = Random(1000003 * seed + group);
    std::vector<std::string> texts;
    while (texts.size() < kGroupSize) texts.push_back(random.Next());
    return texts;
  }

  UglyText Random(uint64_t seed) const { return {seed, words_, alike_}; }

  void CompareTexts(const NumbersOf& numbers_of, const std::string& kind,
                    const std::string& variant) const {
    EXPECT_GE(CompareGroups(numbers_of, kind, variant,
                            [&](uint64_t group) { return Texts(variant, group); }),
              1000U);
  }

  void CompareCodePoints(const NumbersOf& numbers_of, const std::string& kind,
                         const std::string& variant) const {
    const auto texts_of = [](uint64_t group) {
      std::vector<std::string> texts;
      const auto first = static_cast<char32_t>(group * kCodePointGroup);
      for (char32_t c = first; c < first + kCodePointGroup; ++c) {
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        std::string text;
        AppendCodePoint(c, text);
        texts.push_back(text);
        texts.push_back("a" + text + "b");
        texts.push_back("a\u302E" + text + "\u302A\U0001D16Db");
        texts.push_back("the" + text);
      }
      return texts;
    };
    EXPECT_EQ(CompareGroups(numbers_of, kind, variant, texts_of), kAllCodePoints);
  }

 private:
  static std::filesystem::path Data() { return Source() / "tests/data/tokenizer"; }

  // Compares all groups of one kind and variant and returns how many texts that were. On a mismatch
  // our numbers go to a file of the script's format.
  size_t CompareGroups(const NumbersOf& numbers_of, const std::string& kind,
                       const std::string& variant,
                       const std::function<std::vector<std::string>(uint64_t)>& texts_of) const {
    size_t compared = 0;
    int mismatches = 0;
    for (uint64_t group = 0; mismatches < 3; ++group) {
      const auto wanted = golden_.find(fmt::format("{} {} {}", kind, variant, group));
      if (wanted == golden_.end()) break;
      const std::vector<std::string> texts = texts_of(group);
      compared += texts.size();
      if (HashOf(numbers_of, texts) == wanted->second) continue;
      ++mismatches;
      const std::filesystem::path path = std::filesystem::path(testing::TempDir()) /
                                         fmt::format("{}_{}_{}.txt", kind, variant, group);
      std::ofstream out(path);
      for (const std::string& text : texts) {
        out << Printable(text);
        for (const int32_t number : numbers_of(text)) out << ' ' << number;
        out << '\n';
      }
      ADD_FAILURE() << fmt::format(
          "{} of variant {}, group {} differ from Hugging Face:\n"
          "  tools/tokenizer_golden.py show BASE {} {} {} | diff {} -",
          kind, variant, group, kind, variant, group, path.string());
    }
    return compared;
  }

  json description_;
  std::filesystem::path folder_;
  std::vector<std::string> alike_;
  json root_;
  std::vector<std::string> words_;
  std::map<std::string, std::string> golden_;
};

std::vector<int32_t> CharactersOf(std::string_view text) {
  std::vector<int32_t> characters;
  for (size_t i = 0; i < text.size();) {
    characters.push_back(static_cast<int32_t>(NextCodePoint(text, i)));
  }
  return characters;
}

// One for each base; the base that is not there is skipped.
class GoldenTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    // Reading one takes a while, so each is read once.
    static std::map<std::string, Base>* const bases = new std::map<std::string, Base>();
    base_ = &bases->try_emplace(GetParam(), GetParam()).first->second;
    if (!base_->is_there()) GTEST_SKIP() << "no tokenizer.json in " << base_->folder();
  }

  const Base& base() const { return *base_; }
  std::unique_ptr<Tokenizer> Main() const { return base_->MakeVariant(base_->main()); }

 private:
  const Base* base_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Bases, GoldenTest,
                         testing::Values("bert", "byte_level_bpe", "unigram", "xlm_r"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(GoldenTest, UglyTextsOfEachVariantOfTokenizerJson) {
  for (const std::string& variant : base().Variants()) {
    SCOPED_TRACE(variant);
    const std::unique_ptr<Tokenizer> tokenizer = base().MakeVariant(variant);
    ASSERT_NE(tokenizer, nullptr);
    base().CompareTexts(IdsBy(*tokenizer), "text", variant);
  }
}

TEST_P(GoldenTest, EveryCodePoint) {
  for (const std::string& variant : base().Variants("code_points")) {
    SCOPED_TRACE(variant);
    const std::unique_ptr<Tokenizer> tokenizer = base().MakeVariant(variant);
    ASSERT_NE(tokenizer, nullptr);
    base().CompareCodePoints(IdsBy(*tokenizer), "code_points", variant);
  }
}

// However early it stops: the ids are the first ones, and `complete` says whether there are more.
TEST_P(GoldenTest, StoppingEarlyYieldsAPrefix) {
  for (const std::string& variant : base().Variants()) {
    const std::unique_ptr<Tokenizer> tokenizer = base().MakeVariant(variant);
    ASSERT_NE(tokenizer, nullptr);
    for (uint64_t group = 0; group < 4; ++group) {
      UglyText random = base().Random(group);
      for (const std::string& text : base().Texts(variant, group)) {
        const TokenizedText all = tokenizer->Tokenize(text);
        ASSERT_TRUE(all.complete);
        const size_t max_tokens = random.Below(all.ids.size() + 2);
        const TokenizedText some = tokenizer->Tokenize(text, max_tokens);
        const size_t kept = std::min(max_tokens, all.ids.size());
        ASSERT_EQ(some.ids, std::vector<int32_t>(all.ids.begin(), all.ids.begin() + kept))
            << Printable(text);
        ASSERT_EQ(some.complete, max_tokens >= all.ids.size()) << Printable(text);
      }
    }
  }
}

std::string Words(const std::string& word, int count) {
  std::string text;
  for (int k = 0; k < count; ++k) {
    if (k > 0) text += ' ';
    text += k % 2 == 0 ? word : std::to_string(k / 2);
  }
  return text;
}

TEST_P(GoldenTest, TruncatedPairs) {
  const std::unique_ptr<Tokenizer> tokenizer = Main();
  ASSERT_NE(tokenizer, nullptr);
  const size_t special = PairEncoder(*tokenizer, {}).pair_special_tokens();
  for (const auto& [strategy, truncation] :
       {std::pair("longest_first", PairTruncation::kLongestFirst),
        std::pair("only_second", PairTruncation::kOnlyDocument)}) {
    for (size_t room = 2; room < 33; ++room) {
      const PairEncoder encoder(*tokenizer, {.max_tokens = room + special, .query_max_tokens = 8});
      Hash hash;
      for (int query_words = 0; query_words <= 20; ++query_words) {
        const PairEncoder::Query query =
            encoder.EncodeQuery(Words("query", query_words), truncation);
        for (int document_words = 0; document_words <= 20; ++document_words) {
          const Encoding encoding = encoder.EncodePair(query, Words("text", document_words));
          hash.Add(encoding.ids);
          hash.Add(encoding.type_ids);
        }
      }
      EXPECT_EQ(hash.text(), base().golden().at(fmt::format("pair {} {}", strategy, room)))
          << strategy << " with room for " << room << " tokens";
    }
  }
}

void CollectStrings(const json& value, std::vector<std::string>& strings) {
  if (value.is_string()) strings.push_back(value.get<std::string>());
  if (value.is_structured()) {
    for (const json& item : value) CollectStrings(item, strings);
  }
}

TEST_P(GoldenTest, RealTexts) {
  const std::filesystem::path folder = Source() / "../shared/data";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no folder of texts at " << folder;
  const std::unique_ptr<Tokenizer> tokenizer = Main();
  ASSERT_NE(tokenizer, nullptr);
  size_t compared = 0;
  for (const auto& [key, wanted] : base().golden()) {
    if (!key.starts_with("file ")) continue;
    const std::string name = key.substr(5, key.rfind(' ') - 5);
    const std::filesystem::path path = folder / name;
    if (!std::filesystem::exists(path)) continue;
    std::vector<std::string> texts;
    if (path.extension() == ".json") {
      CollectStrings(json::parse(Content(path)), texts);
    } else {
      for (const std::string& line : Lines(Content(path) + "\n")) {
        if (path.extension() != ".jsonl") {
          texts.push_back(line);
        } else if (!line.empty()) {
          CollectStrings(json::parse(line), texts);
        }
      }
    }
    EXPECT_EQ(HashOf(IdsBy(*tokenizer), texts), wanted) << name;
    compared += texts.size();
  }
  if (compared == 0) GTEST_SKIP() << "none of the texts is in " << folder;
}

using UnigramGoldenTest = GoldenTest;

INSTANTIATE_TEST_SUITE_P(Bases, UnigramGoldenTest, testing::Values("unigram", "xlm_r"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(UnigramGoldenTest, NormalizedTextsAndCodePoints) {
  for (const std::string& variant : base().Variants("normalized")) {
    SCOPED_TRACE(variant);
    absl::StatusOr<TokenizerJson> file = ReadTokenizerJson(base().Variant(variant), variant);
    ASSERT_TRUE(file.ok()) << file.status();
    absl::StatusOr<UnigramTokenizer::Options> options =
        ParseUnigramTokenizerJson(*std::move(file), variant);
    ASSERT_TRUE(options.ok()) << options.status();
    const NumbersOf characters_of = [&options](const std::string& text) {
      return CharactersOf(options->normalizer.Normalize(text));
    };
    base().CompareTexts(characters_of, "normalized_text", variant);
    base().CompareCodePoints(characters_of, "normalized_code_points", variant);
  }
}

// From the SentencePiece model beside it alone.
TEST_P(UnigramGoldenTest, UglyTextsFromSentencePieceAlone) {
  const std::unique_ptr<Tokenizer> tokenizer =
      Make({.folder = "model",
            .tokenizer_config = R"({"tokenizer_class": "XLMRobertaTokenizer",
                               "mask_token": {"content": "<mask>", "lstrip": true}})",
            .sentencepiece = Content(base().folder() / "sentencepiece.bpe.model")});
  ASSERT_NE(tokenizer, nullptr);
  base().CompareTexts(IdsBy(*tokenizer), "text", base().main());
}

class BertGoldenTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(base_.is_there()) << base_.folder(); }

  // From vocab.txt and tokenizer_config.json alone.
  std::unique_ptr<Tokenizer> FromVocabulary(bool lowercase) const {
    return Make({.folder = "vocab",
                 .tokenizer_config = json{{"do_lower_case", lowercase}}.dump(),
                 .vocab = Content(base_.folder() / "vocab.txt")});
  }

  const Base base_{"bert"};
};

TEST_F(BertGoldenTest, UglyTextsFromVocabularyAlone) {
  const std::unique_ptr<Tokenizer> tokenizer = FromVocabulary(/*lowercase=*/true);
  ASSERT_NE(tokenizer, nullptr);
  base_.CompareTexts(IdsBy(*tokenizer), "text", "plain");
}

TEST_F(BertGoldenTest, UglyTextsFromCasedVocabularyAlone) {
  const std::unique_ptr<Tokenizer> tokenizer = FromVocabulary(/*lowercase=*/false);
  ASSERT_NE(tokenizer, nullptr);
  base_.CompareTexts(IdsBy(*tokenizer), "text", "cased");
}

// Ids alone do not show what becomes of a rare character: it is [UNK] in any case.
TEST_F(BertGoldenTest, NormalizedTextsAndCodePoints) {
  for (const auto& [variant, options] :
       {std::pair("plain", BertNormalizer::Options{}),
        std::pair("accents_kept", BertNormalizer::Options{.strip_accents = false}),
        std::pair("strip_only", BertNormalizer::Options{.lowercase = false})}) {
    SCOPED_TRACE(variant);
    const BertNormalizer normalizer(options);
    const NumbersOf characters_of = [&normalizer](const std::string& text) {
      return CharactersOf(normalizer.Normalize(text));
    };
    base_.CompareTexts(characters_of, "normalized_text", variant);
    base_.CompareCodePoints(characters_of, "normalized_code_points", variant);
  }
}

// Of the default model; model_parity_test compares what it makes of them.
TEST_F(BertGoldenTest, PairsOfARealModel) {
  const std::filesystem::path& folder = base_.folder();
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = LoadTokenizer(folder);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const json expected = json::parse(Content(folder / "expected_scores.json"));
  const PairEncoder encoder(**tokenizer, {.max_tokens = expected.at("max_length").get<size_t>()});
  EXPECT_GE(expected.at("pairs").size(), 40U);
  for (const json& pair : expected.at("pairs")) {
    const Encoding encoding = encoder.EncodePair(
        encoder.EncodeQuery(pair.at("query").get<std::string>(), PairTruncation::kLongestFirst),
        pair.at("document").get<std::string>());
    EXPECT_EQ(encoding.ids, pair.at("input_ids").get<std::vector<int32_t>>())
        << pair.at("query") << ' ' << pair.at("document");
  }
}

class ByteLevelBpeGoldenTest : public testing::Test {
 protected:
  const Base base_{"byte_level_bpe"};
};

TEST_F(ByteLevelBpeGoldenTest, UglyTextsFromVocabularyAndMergesAlone) {
  const json model = json::parse(Content(base_.folder() / "tokenizer.json")).at("model");
  std::string merges = "#version: 0.2\n";
  for (const json& merge : model.at("merges")) merges += merge.get<std::string>() + "\n";
  const json mask = {{"__type", "AddedToken"}, {"content", "<mask>"}, {"lstrip", true}};
  const std::unique_ptr<Tokenizer> tokenizer =
      Make({.folder = "vocab",
            .tokenizer_config = json{{"mask_token", mask}}.dump(),
            .vocab_json = model.at("vocab").dump(),
            .merges = merges});
  ASSERT_NE(tokenizer, nullptr);
  base_.CompareTexts(IdsBy(*tokenizer), "text", "plain");
}

TEST_F(ByteLevelBpeGoldenTest, NormalizedTextsAndCodePoints) {
  const NumbersOf characters_of = [](const std::string& text) {
    return CharactersOf(NormalizeNfc(text));
  };
  base_.CompareTexts(characters_of, "normalized_text", "nfc");
  base_.CompareCodePoints(characters_of, "normalized_code_points", "nfc");
}

}  // namespace
}  // namespace rerankd
