// The steps of a tokenizer.json's "normalizer", character for character as Hugging Face
// `tokenizers` takes them, but so that a long text is normalized only as far as it is needed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rerankd {

// One step. Immutable, safe for concurrent use.
class NormalizerStep {
 public:
  // One text on its way through. Parts may be cut between any two characters.
  class Stream {
   public:
    virtual ~Stream() = default;
    // Appends to `out` what is certain of the text so far. REQUIRES: `part` is valid UTF-8.
    virtual void Append(std::string_view part, std::string& out) = 0;
    // Appends what Append() held back; the next part is that of another text.
    virtual void Finish(std::string& out) = 0;
  };

  virtual ~NormalizerStep() = default;
  virtual std::unique_ptr<Stream> Start() const = 0;
};

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };
// REQUIRES: hf_unicode::HasCompatibilityTable() for the last two.
std::unique_ptr<NormalizerStep> MakeUnicodeStep(UnicodeForm form);
std::unique_ptr<NormalizerStep> MakeLowercaseStep();
// Removes marks (not only accents).
std::unique_ptr<NormalizerStep> MakeStripAccentsStep();
// Removes white space at the beginning and the end.
std::unique_ptr<NormalizerStep> MakeStripStep(bool left, bool right);
// Before a text that is not empty.
std::unique_ptr<NormalizerStep> MakePrependStep(std::string prefix);
// REQUIRES: `pattern` is not empty.
std::unique_ptr<NormalizerStep> MakeReplaceStep(std::string pattern, std::string content);
// Replaces each run of two and more spaces (" {2,}"), or of any white space ("\s{2,}|[\n\r\t]": and
// a line break or tab by itself).
enum class SpaceRuns { kSpaces, kWhiteSpaceAndBreaks };
std::unique_ptr<NormalizerStep> MakeReplaceRunsStep(SpaceRuns runs, std::string content);

// A sequence of steps, possibly none. Immutable, safe for concurrent use.
class TextNormalizer {
 public:
  class Stream {
   public:
    explicit Stream(const TextNormalizer& normalizer);
    void Append(std::string_view part, std::string& out);
    void Finish(std::string& out);

   private:
    // Takes `part` through the steps from `step` on.
    void Pass(size_t step, std::string_view part, std::string& out);

    std::vector<std::unique_ptr<NormalizerStep::Stream>> steps_;
    std::vector<std::string> between_;  // what each step but the last yields
  };

  TextNormalizer() = default;
  explicit TextNormalizer(std::vector<std::unique_ptr<NormalizerStep>> steps)
      : steps_(std::move(steps)) {}

  std::string Normalize(std::string_view text) const;

 private:
  std::vector<std::unique_ptr<NormalizerStep>> steps_;
};

}  // namespace rerankd
