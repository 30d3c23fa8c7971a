#include "util/pickle_advice.h"

#include <fmt/format.h>

namespace rerankd {

std::string PickleAdvice(std::string_view source, std::string_view target) {
  return fmt::format(
      "a Python pickle, which can run any code when it is read, so it is never read here; where "
      "you trust it, convert it once: python3 -c \"import transformers as t; "
      "c = t.AutoConfig.from_pretrained('{0}'); "
      "getattr(t, c.architectures[0]).from_pretrained('{0}').save_pretrained('{1}'); "
      "t.AutoTokenizer.from_pretrained('{0}').save_pretrained('{1}')\"",
      source, target);
}

}  // namespace rerankd
