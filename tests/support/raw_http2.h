// A peer that sends HTTP/2 byte by byte, for what no well-behaved client would send.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rerankd {

class RawHttp2 {
 public:
  enum Type : uint8_t {
    kData,
    kHeaders,
    kPriority,
    kReset,
    kSettings,
    kPush,
    kPing,
    kGoAway,
    kWindow,
    kContinuation
  };
  static constexpr uint8_t kEndStream = 1;
  static constexpr uint8_t kEndHeaders = 4;

  // Connects to "127.0.0.1:port"; sends nothing yet.
  explicit RawHttp2(const std::string& address)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) std::abort();
    // A peer that neither reads nor closes fails the test instead of holding it.
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  }
  ~RawHttp2() { close(fd_); }
  RawHttp2(const RawHttp2&) = delete;
  RawHttp2& operator=(const RawHttp2&) = delete;

  // False: the server has closed the connection, or does not read.
  bool Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // The client's preface and empty settings.
  bool Greet() const {
    return Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(kSettings, 0, 0, ""));
  }

  static std::string Frame(Type type, uint8_t flags, uint32_t stream, std::string_view payload) {
    std::string frame = Bytes(static_cast<uint32_t>(payload.size()), 3);
    frame += static_cast<char>(type);
    frame += static_cast<char>(flags);
    return frame + Bytes(stream, 4) + std::string(payload);
  }

  // Names and values as HPACK writes them without its tables.
  static std::string Fields(const std::vector<std::pair<std::string, std::string>>& fields) {
    std::string out;
    for (const auto& [name, value] : fields) out += '\0' + Text(name) + Text(value);
    return out;
  }
  // What every call begins with.
  static std::string CallFields(const std::vector<std::pair<std::string, std::string>>& more = {}) {
    return Fields({{":method", "POST"},
                   {":scheme", "http"},
                   {":path", "/rerank.v1.RerankService/Rerank"},
                   {":authority", "localhost"},
                   {"content-type", "application/grpc"}}) +
           Fields(more);
  }

  struct Received {
    uint8_t type = 0;
    uint8_t flags = 0;
    uint32_t stream = 0;
    std::string payload;
  };
  // The next frame; nullopt: the server has closed the connection, or says nothing for a minute.
  std::optional<Received> Receive() const {
    std::string head(9, '\0');
    if (!Read(head)) return std::nullopt;
    const auto byte = [&head](size_t i) { return static_cast<uint8_t>(head[i]); };
    Received frame{.type = byte(3), .flags = byte(4)};
    frame.stream = static_cast<uint32_t>(byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8));
    frame.payload.resize(static_cast<size_t>(byte(0) << 16 | byte(1) << 8 | byte(2)));
    if (!Read(frame.payload)) return std::nullopt;
    return frame;
  }
  // Whether the server ends the connection by itself, whatever it says before.
  bool IsClosed() const {
    char buffer[4096];
    ssize_t size = 0;
    while ((size = recv(fd_, buffer, sizeof(buffer), 0)) > 0) {
    }
    return size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }

 private:
  static std::string Bytes(uint32_t value, int count) {
    std::string out;
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) {
      out += static_cast<char>(value >> shift & 0xFF);
    }
    return out;
  }
  static std::string Text(const std::string& text) {
    std::string out;
    if (text.size() < 127) return static_cast<char>(text.size()) + text;
    out += '\x7F';
    size_t rest = text.size() - 127;
    for (; rest >= 128; rest >>= 7) out += static_cast<char>(rest % 128 + 128);
    return out + static_cast<char>(rest) + text;
  }
  bool Read(std::string& into) const {
    for (size_t done = 0; done < into.size();) {
      const ssize_t size = recv(fd_, into.data() + done, into.size() - done, 0);
      if (size <= 0) return false;
      done += static_cast<size_t>(size);
    }
    return true;
  }

  const int fd_;
};

}  // namespace rerankd
