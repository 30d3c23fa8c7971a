// The certificate that a server shows, its key, and the authorities whose clients it lets in.
#pragma once

#include <filesystem>

namespace rerankd {

// Files in PEM. All empty: no TLS.
struct TlsFiles {
  // The server's certificate, followed by those of the authorities between it and a root.
  std::filesystem::path certificate;
  std::filesystem::path key;  // of the certificate, not encrypted
  // Certificates of the authorities that clients' certificates must come from; empty: clients are
  // not asked for any.
  std::filesystem::path client_ca;
  // Whether a client without a certificate is turned away; else only one with a wrong one is.
  bool require_client_certificate = true;

  bool enabled() const { return !certificate.empty(); }
};

}  // namespace rerankd
