// Ids compared with those of Hugging Face `tokenizers`, as hashed by tools/tokenizer_golden.py:
// ugly texts, every code point, pairs of every small length, and real texts when they are there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <charconv>
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
#include "tokenizer/pair_encoder.h"
#include "tokenizer/tokenizer_factory.h"
#include "tokenizer/ugly_text.h"
#include "tokenizer/utf8_codec.h"
#include "util/file.h"

namespace rerankd {
namespace {

using nlohmann::json;

constexpr uint64_t kGroupSize = 250;
constexpr char32_t kCodePointGroup = 0x4000;
// In the order of tools/tokenizer_golden.py, which makes a variant's number part of its seed.
constexpr const char* kVariants[] = {"plain",        "cased",      "unclean",
                                     "accents_kept", "strip_only", "chinese_joined",
                                     "bare",         "added",      "odd_model"};

std::filesystem::path Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
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

class GoldenTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    model_ = new std::filesystem::path(Environment("RERANKD_DEFAULT_MODEL_DIR"));
    data_ = new std::filesystem::path(Environment("RERANKD_SOURCE_DIR") / "tests/data/tokenizer");
    vocabulary_ = new std::vector<std::string>(Lines(Content(*model_ / "vocab.txt")));
    golden_ = new std::map<std::string, std::string>();
    for (const std::string& line : Lines(Content(*data_ / "golden.txt"))) {
      const size_t space = line.rfind(' ');
      golden_->emplace(line.substr(0, space), line.substr(space + 1));
    }
  }
  static void TearDownTestSuite() {
    delete model_;
    delete data_;
    delete vocabulary_;
    delete golden_;
  }

  void SetUp() override { ASSERT_FALSE(vocabulary_->empty()) << "no default model at " << *model_; }

  static std::unique_ptr<Tokenizer> Make(const TokenizerFiles& files) {
    absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(files);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
  }

  // The default model's tokenizer.json, changed as variants.json says.
  static std::unique_ptr<Tokenizer> Variant(const std::string& name) {
    json root = json::parse(Content(*model_ / "tokenizer.json"));
    root.merge_patch(json::parse(Content(*data_ / "variants.json")).at(name));
    return Make({.folder = name, .tokenizer_json = root.dump()});
  }

  // From vocab.txt and tokenizer_config.json alone.
  static std::unique_ptr<Tokenizer> FromVocabulary(bool lowercase) {
    return Make({.folder = "vocab",
                 .tokenizer_config = json{{"do_lower_case", lowercase}}.dump(),
                 .vocab = Content(*model_ / "vocab.txt")});
  }

  static std::vector<std::string> Group(const std::string& variant, uint64_t group) {
    const auto* const index = std::find(std::begin(kVariants), std::end(kVariants), variant);
    UglyText random(1000003 * static_cast<uint64_t>(index - std::begin(kVariants)) + group,
                    *vocabulary_);
    std::vector<std::string> texts;
    while (texts.size() < kGroupSize) texts.push_back(random.Next());
    return texts;
  }

  // What is compared of a text: its ids, or the characters of its normalized form.
  using NumbersOf = std::function<std::vector<int32_t>(const std::string&)>;

  static NumbersOf IdsBy(const Tokenizer& tokenizer) {
    return [&tokenizer](const std::string& text) { return tokenizer.Tokenize(text).ids; };
  }

  static NumbersOf NormalizedBy(const BertNormalizer& normalizer) {
    return [&normalizer](const std::string& text) {
      const std::string normalized = normalizer.Normalize(text);
      std::vector<int32_t> characters;
      for (size_t i = 0; i < normalized.size();) {
        characters.push_back(static_cast<int32_t>(NextCodePoint(normalized, i)));
      }
      return characters;
    };
  }

  static std::string HashOf(const NumbersOf& numbers_of, const std::vector<std::string>& texts) {
    Hash hash;
    for (const std::string& text : texts) hash.Add(numbers_of(text));
    return hash.text();
  }

  // Compares all groups of one kind and variant and returns how many texts that were. On a mismatch
  // our numbers go to a file of the script's format.
  static size_t CompareGroups(const NumbersOf& numbers_of, const std::string& kind,
                              const std::string& variant,
                              const std::function<std::vector<std::string>(uint64_t)>& texts_of) {
    size_t compared = 0;
    int mismatches = 0;
    for (uint64_t group = 0; mismatches < 3; ++group) {
      const auto wanted = golden_->find(fmt::format("{} {} {}", kind, variant, group));
      if (wanted == golden_->end()) break;
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
          "  tools/tokenizer_golden.py show {} {} {} | diff {} -",
          kind, variant, group, kind, variant, group, path.string());
    }
    return compared;
  }

  static void CompareTexts(const NumbersOf& numbers_of, const std::string& kind,
                           const std::string& variant) {
    EXPECT_GE(CompareGroups(numbers_of, kind, variant,
                            [&](uint64_t group) { return Group(variant, group); }),
              5000U);
  }

  static void CompareCodePoints(const NumbersOf& numbers_of, const std::string& kind,
                                const std::string& variant) {
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
    EXPECT_EQ(CompareGroups(numbers_of, kind, variant, texts_of), 4U * (0x110000 - 0x800));
  }

  static std::string Printable(std::string_view text) {
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

  static std::filesystem::path* model_;
  static std::filesystem::path* data_;
  static std::vector<std::string>* vocabulary_;
  static std::map<std::string, std::string>* golden_;
};

std::filesystem::path* GoldenTest::model_ = nullptr;
std::filesystem::path* GoldenTest::data_ = nullptr;
std::vector<std::string>* GoldenTest::vocabulary_ = nullptr;
std::map<std::string, std::string>* GoldenTest::golden_ = nullptr;

TEST_F(GoldenTest, UglyTextsOfEachVariantOfTokenizerJson) {
  for (const char* variant : kVariants) {
    SCOPED_TRACE(variant);
    const std::unique_ptr<Tokenizer> tokenizer = Variant(variant);
    ASSERT_NE(tokenizer, nullptr);
    CompareTexts(IdsBy(*tokenizer), "text", variant);
  }
}

TEST_F(GoldenTest, UglyTextsFromVocabularyAlone) {
  const std::unique_ptr<Tokenizer> tokenizer = FromVocabulary(/*lowercase=*/true);
  ASSERT_NE(tokenizer, nullptr);
  CompareTexts(IdsBy(*tokenizer), "text", "plain");
}

TEST_F(GoldenTest, UglyTextsFromCasedVocabularyAlone) {
  const std::unique_ptr<Tokenizer> tokenizer = FromVocabulary(/*lowercase=*/false);
  ASSERT_NE(tokenizer, nullptr);
  CompareTexts(IdsBy(*tokenizer), "text", "cased");
}

TEST_F(GoldenTest, EveryCodePoint) {
  for (const char* variant : {"plain", "bare", "added"}) {
    SCOPED_TRACE(variant);
    const std::unique_ptr<Tokenizer> tokenizer = Variant(variant);
    ASSERT_NE(tokenizer, nullptr);
    CompareCodePoints(IdsBy(*tokenizer), "code_points", variant);
  }
}

// Ids alone do not show what becomes of a rare character: it is [UNK] in any case.
TEST_F(GoldenTest, NormalizedTextsAndCodePoints) {
  for (const auto& [variant, options] :
       {std::pair("plain", BertNormalizer::Options{}),
        std::pair("accents_kept", BertNormalizer::Options{.strip_accents = false}),
        std::pair("strip_only", BertNormalizer::Options{.lowercase = false})}) {
    SCOPED_TRACE(variant);
    const BertNormalizer normalizer(options);
    CompareTexts(NormalizedBy(normalizer), "normalized_text", variant);
    CompareCodePoints(NormalizedBy(normalizer), "normalized_code_points", variant);
  }
}

// However early it stops: the ids are the first ones, and `complete` says whether there are more.
TEST_F(GoldenTest, StoppingEarlyYieldsAPrefix) {
  for (const char* variant : {"plain", "added", "odd_model"}) {
    const std::unique_ptr<Tokenizer> tokenizer = Variant(variant);
    ASSERT_NE(tokenizer, nullptr);
    for (uint64_t group = 0; group < 10; ++group) {
      UglyText random(group, *vocabulary_);
      for (const std::string& text : Group(variant, group)) {
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

TEST_F(GoldenTest, TruncatedPairs) {
  const std::unique_ptr<Tokenizer> tokenizer = Variant("plain");
  ASSERT_NE(tokenizer, nullptr);
  for (const auto& [strategy, truncation] :
       {std::pair("longest_first", PairTruncation::kLongestFirst),
        std::pair("only_second", PairTruncation::kOnlyDocument)}) {
    for (int room = 5; room < 36; ++room) {
      const PairEncoder encoder(*tokenizer,
                                {.max_tokens = static_cast<size_t>(room), .query_max_tokens = 8});
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
      EXPECT_EQ(hash.text(), golden_->at(fmt::format("pair {} {}", strategy, room)))
          << strategy << " to " << room << " tokens";
    }
  }
}

void CollectStrings(const json& value, std::vector<std::string>& strings) {
  if (value.is_string()) strings.push_back(value.get<std::string>());
  if (value.is_structured()) {
    for (const json& item : value) CollectStrings(item, strings);
  }
}

TEST_F(GoldenTest, RealTexts) {
  const std::filesystem::path folder = Environment("RERANKD_SOURCE_DIR") / "../shared/data";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no folder of texts at " << folder;
  const std::unique_ptr<Tokenizer> tokenizer = Variant("plain");
  ASSERT_NE(tokenizer, nullptr);
  size_t compared = 0;
  for (const auto& [key, wanted] : *golden_) {
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
  if (compared == 0) GTEST_SKIP() << "none of the texts of golden.txt is in " << folder;
}

TEST_F(GoldenTest, PairsOfARealModel) {
  const std::filesystem::path folder =
      Environment("RERANKD_SOURCE_DIR") / "../shared/models/rerankd-mini-en-v1";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no model at " << folder;
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = LoadTokenizer(folder);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const json expected = json::parse(Content(folder / "expected_scores.json"));
  const PairEncoder encoder(**tokenizer, {.max_tokens = expected.at("max_length").get<size_t>()});
  for (const json& pair : expected.at("pairs")) {
    const Encoding encoding = encoder.EncodePair(
        encoder.EncodeQuery(pair.at("query").get<std::string>(), PairTruncation::kLongestFirst),
        pair.at("document").get<std::string>());
    EXPECT_EQ(encoding.ids, pair.at("input_ids").get<std::vector<int32_t>>());
  }
}

}  // namespace
}  // namespace rerankd
