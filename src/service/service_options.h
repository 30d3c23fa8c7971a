// Settings of the gRPC service.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rerankd {

// By this name health checks ask for the server as a whole, so no model can have it.
inline constexpr std::string_view kServiceName = "rerank.v1.RerankService";

struct ServiceOptions {
  // Where to listen, one address or several: "host:port" (port 0: any free one), "[ipv6]:port" or
  // "unix:/path". Beyond loopback a server should have TLS and keys (ServerSecurity).
  std::vector<std::string> listen = {"127.0.0.1:50051"};
  // The permissions of Unix sockets: whoever may write to one may connect.
  unsigned unix_socket_mode = 0660;
  // The largest request, in bytes, after decompression; a larger one fails with RESOURCE_EXHAUSTED.
  size_t max_message_bytes = size_t{64} << 20;
  // Whether compressed requests are read; else they fail with UNIMPLEMENTED before anything is
  // decompressed. gRPC decompresses them whole before it looks at max_message_bytes.
  bool accept_compressed = false;
  // The most documents in one call; 0: no limit.
  size_t max_documents = 100'000;
  // Calls in progress at the same time; more are refused with RESOURCE_EXHAUSTED. 0: no limit.
  size_t max_concurrent_requests = 1024;
  // Calls in progress on one connection; a client waits with more.
  size_t max_streams_per_connection = 256;
  // How long a client may take to connect, TLS included, before it is dropped.
  std::chrono::milliseconds handshake_timeout{20'000};
  // How often a client may send keepalive pings, with or without a call in progress, before the
  // server drops it.
  std::chrono::milliseconds min_client_ping_interval{10'000};
  // After how long without traffic the server asks whether the client is still there, and how long
  // it waits for the answer before it drops the connection and the calls on it.
  std::chrono::milliseconds keepalive_interval{60'000};
  std::chrono::milliseconds keepalive_timeout{20'000};
  // After how long a connection is closed, once its calls have ended, so that clients which spread
  // their calls over several servers look for them anew; 0: never.
  std::chrono::milliseconds max_connection_age{0};
  // Whether clients may ask for the API's description (grpcurl needs it).
  bool reflection = true;
  // Whether clients may load, reload and unload models (rerank.v1.ModelAdminService): those whose
  // key allows it or, on a server without keys, whoever can reach it.
  bool admin = false;
};

}  // namespace rerankd
