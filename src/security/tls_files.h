// The files of TlsFiles, read and checked, and again when they change.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "security/reloaded.h"
#include "security/tls_options.h"

namespace rerankd {

// What the files hold, found to be good.
struct TlsMaterial {
  std::string certificates;
  std::string key;
  std::string client_ca;                          // empty: there is none
  std::chrono::system_clock::time_point expires;  // of the server's certificate
  std::string subject;                            // of the server's certificate, for the log
};

// Reads the files and makes sure that a server can use them: the certificate is valid at `now`, the
// key is its key, OpenSSL takes both and what follows the certificate in its file (it refuses short
// keys), one of client_ca at least is valid.
// An error is one line that names the setting, the file and what is wrong with it, and never holds
// what is in the key.
absl::StatusOr<TlsMaterial> LoadTlsFiles(const TlsFiles& files,
                                         std::chrono::system_clock::time_point now);

// A moment as messages show it, "2031-01-31T23:59:59Z".
std::string ShownTime(std::chrono::system_clock::time_point time);

// Whether somebody should renew the server's certificate by now: it has less than two weeks left.
bool ExpiresSoon(const TlsMaterial& material, std::chrono::system_clock::time_point now);

// What LoadTlsFiles() reads, and again when the files change. A pair of which only one half was
// replaced yet leaves the last one in use.
using TlsSource = Reloaded<TlsMaterial>;
absl::StatusOr<std::unique_ptr<TlsSource>> WatchTlsFiles(const TlsFiles& files,
                                                         ReloadListener listener, TimePoint now);

}  // namespace rerankd
