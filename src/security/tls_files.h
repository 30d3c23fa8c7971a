// The files of TlsFiles, read and checked, and again when they change.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "security/reloaded.h"
#include "security/tls_options.h"

namespace rerankd {

// What the files hold, found to be good; empty where there is no such file.
struct TlsMaterial {
  std::string certificates;
  std::string key;
  std::string client_ca;
  std::chrono::system_clock::time_point expires;  // of the certificate
  std::string subject;                            // of the certificate, for the log
};

// What messages call the files: a server's settings, or a client's options.
struct TlsFileNames {
  const char* certificate = "tls.certificate";
  const char* key = "tls.key";
  const char* ca = "tls.client_ca";
};

// Reads the files and makes sure that they can be used: the certificate is valid at `now`, the key
// is its key, OpenSSL takes both and what follows the certificate in its file (it refuses short
// keys), one of client_ca at least is valid and long enough. A client's files are the other way
// round: client_ca are those whom it trusts, and it may have no certificate. An error is one line
// that names the setting, the file and what is wrong with it, and never holds what is in the key.
absl::StatusOr<TlsMaterial> LoadTlsFiles(const TlsFiles& files,
                                         std::chrono::system_clock::time_point now,
                                         const TlsFileNames& names = {});

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
