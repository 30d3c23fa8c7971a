#include "tokenizer/text_normalizer.h"

#include <algorithm>
#include <compare>
#include <cstdint>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/nfc_normalizer.h"
#include "tokenizer/utf8_codec.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

// A step whose streams are made from its options.
template <typename StreamType, typename Options>
class Step final : public NormalizerStep {
 public:
  explicit Step(Options options) : options_(std::move(options)) {}
  std::unique_ptr<Stream> Start() const override { return std::make_unique<StreamType>(options_); }

 private:
  Options options_;
};

// NFC and NFKC.
class ComposedStream final : public NormalizerStep::Stream {
 public:
  explicit ComposedStream(bool compatible) : normalizer_(compatible) {}
  void Append(std::string_view part, std::string& out) override { normalizer_.Append(part, out); }
  void Finish(std::string& out) override { normalizer_.Finish(out); }

 private:
  NfcNormalizer normalizer_;
};

// NFD and NFKD.
class DecomposedStream final : public NormalizerStep::Stream {
 public:
  explicit DecomposedStream(bool compatible) : compatible_(compatible) {}

  void Append(std::string_view part, std::string& out) override {
    for (size_t i = 0; i < part.size();) {
      const char32_t c = NextCodePoint(part, i);
      if (c < 0x80) {
        Add(c, 0, out);
        continue;
      }
      const hf_unicode::Decomposition decomposition =
          compatible_ ? hf_unicode::DecomposeCompatibly(c) : hf_unicode::Decompose(c);
      for (size_t k = 0; k < decomposition.size; ++k) {
        const char32_t of_it = decomposition.chars[k];
        Add(of_it, hf_unicode::CombiningClass(of_it), out);
      }
    }
  }

  // Also where a character of class 0 follows: nothing moves across it.
  void Finish(std::string& out) override {
    std::sort(movable_.begin(), movable_.end());
    for (const Movable& movable : movable_) AppendCodePoint(movable.c, out);
    movable_.clear();
  }

 private:
  struct Movable {
    uint8_t combining_class;
    size_t place;
    char32_t c;
    auto operator<=>(const Movable&) const = default;
  };

  void Add(char32_t c, uint8_t combining_class, std::string& out) {
    if (combining_class != 0) {
      movable_.push_back({combining_class, movable_.size(), c});
      return;
    }
    Finish(out);
    AppendCodePoint(c, out);
  }

  const bool compatible_;
  std::vector<Movable> movable_;
};

class LowercaseStream final : public NormalizerStep::Stream {
 public:
  explicit LowercaseStream(bool /*unused*/) {}
  void Append(std::string_view part, std::string& out) override {
    for (size_t i = 0; i < part.size();) {
      const char32_t c = NextCodePoint(part, i);
      AppendCodePoint(hf_unicode::ToLower(c), out);
      if (c == 0x130) AppendCodePoint(0x307, out);
    }
  }
  void Finish(std::string& /*out*/) override {}
};

class StripAccentsStream final : public NormalizerStep::Stream {
 public:
  explicit StripAccentsStream(bool /*unused*/) {}
  void Append(std::string_view part, std::string& out) override {
    for (size_t i = 0; i < part.size();) {
      const size_t begin = i;
      if (!hf_unicode::IsMark(NextCodePoint(part, i))) out += part.substr(begin, i - begin);
    }
  }
  void Finish(std::string& /*out*/) override {}
};

struct StripOptions {
  bool left;
  bool right;
};

class StripStream final : public NormalizerStep::Stream {
 public:
  explicit StripStream(StripOptions options) : options_(options) {}
  void Append(std::string_view part, std::string& out) override {
    for (size_t i = 0; i < part.size();) {
      const size_t begin = i;
      const bool space = hf_unicode::IsWhitespace(NextCodePoint(part, i));
      if (space && begun_) {
        spaces_ += part.substr(begin, i - begin);
      } else if (!space || !options_.left) {
        begun_ = begun_ || !space;
        out += spaces_;
        spaces_.clear();
        (space ? spaces_ : out) += part.substr(begin, i - begin);
        if (space) begun_ = true;
      }
    }
    if (!options_.right) Release(out);
  }
  void Finish(std::string& out) override {
    if (!options_.right) Release(out);
    spaces_.clear();
    begun_ = false;
  }

 private:
  void Release(std::string& out) {
    out += spaces_;
    spaces_.clear();
  }

  const StripOptions options_;
  bool begun_ = false;  // something is or will be kept
  std::string spaces_;  // after it, so far the last
};

class PrependStream final : public NormalizerStep::Stream {
 public:
  explicit PrependStream(std::string prefix) : prefix_(std::move(prefix)) {}
  void Append(std::string_view part, std::string& out) override {
    if (!begun_ && !part.empty()) {
      out += prefix_;
      begun_ = true;
    }
    out += part;
  }
  void Finish(std::string& /*out*/) override { begun_ = false; }

 private:
  const std::string prefix_;
  bool begun_ = false;
};

struct ReplaceOptions {
  std::string pattern;
  std::string content;
};

class ReplaceStream final : public NormalizerStep::Stream {
 public:
  explicit ReplaceStream(ReplaceOptions options) : options_(std::move(options)) {}
  void Append(std::string_view part, std::string& out) override {
    held_ += part;
    size_t done = 0;
    for (size_t found = held_.find(options_.pattern); found != std::string::npos;
         found = held_.find(options_.pattern, done)) {
      out.append(held_, done, found - done);
      out += options_.content;
      done = found + options_.pattern.size();
    }
    // What is left may hold the beginning of a match.
    size_t safe = held_.size() - std::min(held_.size(), options_.pattern.size() - 1);
    safe = std::max(done, Utf8FloorBoundary(held_, safe));
    out.append(held_, done, safe - done);
    held_.erase(0, safe);
  }
  void Finish(std::string& out) override {
    out += held_;
    held_.clear();
  }

 private:
  const ReplaceOptions options_;
  std::string held_;
};

struct ReplaceRunsOptions {
  SpaceRuns runs;
  std::string content;
};

class ReplaceRunsStream final : public NormalizerStep::Stream {
 public:
  explicit ReplaceRunsStream(ReplaceRunsOptions options) : options_(std::move(options)) {}
  void Append(std::string_view part, std::string& out) override {
    for (size_t i = 0; i < part.size();) {
      const size_t begin = i;
      const char32_t c = NextCodePoint(part, i);
      const bool in_run =
          options_.runs == SpaceRuns::kSpaces ? c == ' ' : hf_unicode::IsWhitespace(c);
      if (!in_run) {
        Finish(out);
        out += part.substr(begin, i - begin);
      } else if (count_++ == 0) {
        first_ = c;
      }
    }
  }
  void Finish(std::string& out) override {
    const bool one_break = options_.runs == SpaceRuns::kWhiteSpaceAndBreaks &&
                           (first_ == '\n' || first_ == '\r' || first_ == '\t');
    if (count_ > 1 || (count_ == 1 && one_break)) {
      out += options_.content;
    } else if (count_ == 1) {
      AppendCodePoint(first_, out);
    }
    count_ = 0;
  }

 private:
  const ReplaceRunsOptions options_;
  size_t count_ = 0;    // of the run that may go on
  char32_t first_ = 0;  // its first character
};

}  // namespace

std::unique_ptr<NormalizerStep> MakeUnicodeStep(UnicodeForm form) {
  const bool compatible = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
  if (form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc) {
    return std::make_unique<Step<ComposedStream, bool>>(compatible);
  }
  return std::make_unique<Step<DecomposedStream, bool>>(compatible);
}
std::unique_ptr<NormalizerStep> MakeLowercaseStep() {
  return std::make_unique<Step<LowercaseStream, bool>>(true);
}
std::unique_ptr<NormalizerStep> MakeStripAccentsStep() {
  return std::make_unique<Step<StripAccentsStream, bool>>(true);
}
std::unique_ptr<NormalizerStep> MakeStripStep(bool left, bool right) {
  return std::make_unique<Step<StripStream, StripOptions>>(StripOptions{left, right});
}
std::unique_ptr<NormalizerStep> MakePrependStep(std::string prefix) {
  return std::make_unique<Step<PrependStream, std::string>>(std::move(prefix));
}
std::unique_ptr<NormalizerStep> MakeReplaceStep(std::string pattern, std::string content) {
  return std::make_unique<Step<ReplaceStream, ReplaceOptions>>(
      ReplaceOptions{std::move(pattern), std::move(content)});
}
std::unique_ptr<NormalizerStep> MakeReplaceRunsStep(SpaceRuns runs, std::string content) {
  return std::make_unique<Step<ReplaceRunsStream, ReplaceRunsOptions>>(
      ReplaceRunsOptions{runs, std::move(content)});
}

TextNormalizer::Stream::Stream(const TextNormalizer& normalizer) {
  for (const auto& step : normalizer.steps_) steps_.push_back(step->Start());
  between_.resize(steps_.size());
}

void TextNormalizer::Stream::Pass(size_t step, std::string_view part, std::string& out) {
  if (step >= steps_.size()) {
    out += part;
    return;
  }
  for (; step + 1 < steps_.size(); ++step) {
    between_[step].clear();
    steps_[step]->Append(part, between_[step]);
    part = between_[step];
  }
  steps_.back()->Append(part, out);
}

void TextNormalizer::Stream::Append(std::string_view part, std::string& out) { Pass(0, part, out); }

void TextNormalizer::Stream::Finish(std::string& out) {
  for (size_t step = 0; step < steps_.size(); ++step) {
    std::string rest;
    steps_[step]->Finish(rest);
    Pass(step + 1, rest, out);
  }
}

std::string TextNormalizer::Normalize(std::string_view text) const {
  Stream stream(*this);
  std::string out;
  stream.Append(text, out);
  stream.Finish(out);
  return out;
}

}  // namespace rerankd
