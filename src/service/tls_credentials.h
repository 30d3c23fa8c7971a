// TLS on a listener, with certificates that may be replaced while it serves.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "security/tls_files.h"

namespace rerankd {

// Every handshake uses what `source` has at that moment; connections that are made stay. TLS 1.2 or
// later. Where the source has authorities of clients, clients are asked for a certificate of
// theirs; one that shows none gets in unless `require_client_certificate`. For one listener.
//
// Not gRPC's own FileWatcherCertificateProvider (as of 1.51): when certificate and key are replaced
// one after the other, it takes the pair that does not match and turns every client away.
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(std::shared_ptr<TlsSource> source,
                                                            bool require_client_certificate);

}  // namespace rerankd
