// How fast texts become ids, in processor time of one thread, and what the tokenizer takes:
//   tokenizer_bench [MODEL_FOLDER] [FILE]
// FILE holds one document a line; without it, some prose in several scripts. A folder with another
// type of tokenizer: tests/data/tokenizer/byte_level_bpe.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "tokenizer/tokenizer_factory.h"
#include "util/memory.h"

namespace rerankd {
namespace {

constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();

std::string Repeated(const std::string& text, size_t bytes) {
  std::string result;
  while (result.size() < bytes) result += text;
  return result;
}

// Processor time, which other programs on the machine disturb less than wall time.
double Seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// A line of /proc/self/status, in MiB.
double MemoryMib(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key + ":"))
      return std::strtod(line.c_str() + key.size() + 1, nullptr) / 1024;
  }
  return 0;
}

// Runs over all documents until a second has passed, and reports the fastest round.
void Measure(const Tokenizer& tokenizer, const std::string& name,
             const std::vector<std::string>& documents, size_t max_tokens) {
  size_t bytes = 0;
  for (const std::string& document : documents) bytes += document.size();
  size_t tokens = 0;
  double best = std::numeric_limits<double>::max();
  const double begin = Seconds();
  do {
    tokens = 0;
    const double round = Seconds();
    for (const std::string& document : documents) {
      tokens += tokenizer.Tokenize(document, max_tokens).ids.size();
    }
    best = std::min(best, Seconds() - round);
  } while (Seconds() - begin < 1.0);
  const auto count = static_cast<double>(documents.size());
  fmt::print("{:<34} {:9.1f} MB/s {:10.2f} us/document {:9.0f} bytes {:7.0f} tokens\n", name,
             static_cast<double>(bytes) / best / 1e6, best / count * 1e6,
             static_cast<double>(bytes) / count, static_cast<double>(tokens) / count);
}

int Main(int argc, char** argv) {
  const char* const by_default = std::getenv("RERANKD_DEFAULT_MODEL_DIR");
  const std::string folder = argc > 1 ? argv[1] : by_default != nullptr ? by_default : "";
  const double resident = MemoryMib("VmRSS");
  const double begin = Seconds();
  const absl::StatusOr<std::unique_ptr<Tokenizer>> loaded = LoadTokenizer(folder);
  const double load_seconds = Seconds() - begin;
  ReleaseFreedMemory();  // as the server does after it has loaded a model
  if (!loaded.ok()) {
    fmt::print(stderr, "{}\n", loaded.status().ToString());
    return 1;
  }
  const Tokenizer& tokenizer = **loaded;
  fmt::print("loading: {:.3f} s, {:.1f} MiB more resident, {:.1f} MiB more at the peak\n",
             load_seconds, MemoryMib("VmRSS") - resident, MemoryMib("VmHWM") - resident);
  if (argc > 2) {
    std::vector<std::string> documents;
    std::ifstream in(argv[2]);
    for (std::string line; std::getline(in, line);) documents.push_back(line);
    if (documents.empty()) {
      fmt::print(stderr, "{}: no documents\n", argv[2]);
      return 1;
    }
    Measure(tokenizer, argv[2], documents, kUnlimited);
    Measure(tokenizer, "the same, 512 tokens at most", documents, 512);
    return 0;
  }
  const std::string english =
      "The harbour froze early that year, and the ferries stayed on the far side of the strait. "
      "People walked across the ice with lanterns (it was dark by half past three) and carried "
      "letters, flour, newspapers; nobody had expected the counterrevolutionary pamphlets. ";
  const std::string french =
      "Les élèves préfèrent étudier à côté de la fenêtre, où l'été arrive déjà très tôt. ";
  const std::string russian = "Паром остался на другом берегу пролива, и люди шли по льду. ";
  const std::string chinese = "港口那年很早就结冰了，渡船留在海峡的另一边。";
  const std::string thai = "เรือข้ามฟากจอดอยู่อีกฝั่งหนึ่งของช่องแคบ ";
  for (const auto& [name, text] :
       {std::pair("English", english), std::pair("French", french), std::pair("Russian", russian),
        std::pair("Chinese", chinese), std::pair("Thai", thai)}) {
    Measure(tokenizer, fmt::format("{}, 1 KB", name), {Repeated(text, 1000)}, kUnlimited);
  }
  Measure(tokenizer, "English, 1 MB", {Repeated(english, 1'000'000)}, kUnlimited);
  Measure(tokenizer, "English, 4 KB, first 512 tokens", {Repeated(english, 4'000)}, 512);
  Measure(tokenizer, "English, 1 MB, first 512 tokens", {Repeated(english, 1'000'000)}, 512);
  Measure(tokenizer, "one word of 1 MB, first 512 tokens", {std::string(1'000'000, 'x')}, 512);
  Measure(tokenizer, "one word of 1 MB", {std::string(1'000'000, 'x')}, kUnlimited);
  // What becomes no second token has to be read to its end.
  for (const auto& [name, text] :
       {std::pair("letters", "x"), std::pair("unknown characters", "\U0001FBF9"),
        std::pair("combining marks", "\u0301"), std::pair("white space", " "),
        std::pair("control characters", "\x01")}) {
    Measure(tokenizer, fmt::format("8 MB of {}, 512 tokens", name), {Repeated(text, 8'000'000)},
            512);
  }
  return 0;
}

}  // namespace
}  // namespace rerankd

int main(int argc, char** argv) { return rerankd::Main(argc, argv); }
