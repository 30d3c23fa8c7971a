// Where the server's own key of a provider comes from.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "providers/dialect.h"
#include "util/environment.h"
#include "util/file.h"
#include "util/mutex.h"
#include "util/secret.h"

namespace rerankd {

// The first of these that is there: the file and the variable that the configuration names; if it
// names neither, the variables that customers of the provider are used to. Whoever names a place
// gets that key or none: another account's key in the environment never stands in for it.
//
// A file is read again when it changed (another file behind its name, as a Kubernetes secret does
// it, or another size or time). While it cannot be read, or holds no key, the last one goes on
// being used, and whoever listens is told once for each change. Variables are read once. Safe for
// concurrent use; a call costs one stat().
class KeySource {
 public:
  struct Options {
    std::string provider;        // for messages
    std::filesystem::path file;  // of the configuration
    std::string variable;        // likewise
    std::vector<Dialect::KeyVariable> customary;
    bool required = true;  // else a call may go without a key
  };

  // Hears what became of a file after its first key was read: OK, there is another key; an error,
  // why the last one stays. Called on the thread of Get().
  using Listener = std::function<void(const absl::Status&)>;

  KeySource(const Options& options, const EnvironmentLookup& environment,
            Listener listener = nullptr);

  // The key to use now; an empty one where none is needed. FAILED_PRECONDITION says which places
  // were looked at, and what was wrong there; never what they hold.
  absl::StatusOr<Secret> Get() RERANKD_EXCLUDES(mutex_);

  // "file /run/secrets/voyage", "environment variable VOYAGE_API_KEY", "nowhere".
  const std::string& place() const { return place_.name; }

 private:
  struct Place {
    std::string name;
    std::filesystem::path file;  // empty: `key` it is
    absl::StatusOr<Secret> key = Secret();
  };
  static Place Find(const Options& options, const EnvironmentLookup& environment);

  const std::string provider_;
  const Place place_;
  const Listener listener_;
  Mutex mutex_;
  Secret key_ RERANKD_GUARDED_BY(mutex_);
  std::optional<FileIdentity> read_ RERANKD_GUARDED_BY(mutex_);  // what key_ is from
  // What is in its place by now, and has been told.
  absl::Status problem_ RERANKD_GUARDED_BY(mutex_);
  std::optional<FileIdentity> unusable_ RERANKD_GUARDED_BY(mutex_);
};

// The key in what a file or variable holds: without one line end at its end. INVALID_ARGUMENT: it
// is empty, too long, or has characters that no header may have.
absl::StatusOr<Secret> ParseKey(std::string text);

}  // namespace rerankd
