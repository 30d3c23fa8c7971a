#include "service/listen_address.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "util/address.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

class Socket {
 public:
  explicit Socket(int family)
      : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

absl::Status CannotListen(std::string_view address, std::string_view why) {
  return absl::FailedPreconditionError(fmt::format("cannot listen on {}: {}", address, why));
}

absl::Status CannotListen(std::string_view address, int error) {
  return CannotListen(address, std::generic_category().message(error));
}

// Whether only its owner may remove what is in `folder`, and that is somebody else. Root may
// anyway.
bool BelongsToAnother(const struct stat& file, const std::filesystem::path& folder) {
  struct stat info{};
  const uid_t us = geteuid();
  return us != 0 && file.st_uid != us && stat(folder.c_str(), &info) == 0 &&
         (info.st_mode & S_ISVTX) != 0 && info.st_uid != us;
}

// A socket can be made at `path`: nothing is there but one that may be replaced, and its folder is
// there and may be written to.
absl::Status CheckSocketFile(std::string_view address, const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  struct stat info{};
  const bool is_there = lstat(path.c_str(), &info) == 0;
  if (is_there && !S_ISSOCK(info.st_mode)) return CannotListen(address, "the path is not a socket");
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    return CannotListen(address, fmt::format("its folder {}: {}", folder.string(),
                                             std::generic_category().message(errno)));
  }
  if (is_there && BelongsToAnother(info, folder)) {
    return CannotListen(address,
                        "the socket that is there belongs to another user, who alone may "
                        "remove it from its folder");
  }
  return absl::OkStatus();
}

// Nobody listens on the socket at `path`.
absl::Status CheckSocketUnused(std::string_view address, const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  const Socket probe(AF_UNIX);
  if (connect(probe.fd(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0) {
    return CannotListen(address, EADDRINUSE);
  }
  switch (errno) {
    case ECONNREFUSED:  // left behind by a server that is gone; gRPC replaces it
    case ENOENT:        // there is none
      return absl::OkStatus();
    case EAGAIN:  // somebody listens, with more callers waiting than it has room for
      return CannotListen(address, EADDRINUSE);
    default:
      return CannotListen(address, fmt::format("there is a socket that may be in use ({})",
                                               std::generic_category().message(errno)));
  }
}

absl::StatusOr<ListenAddress> Parse(std::string_view address) {
  absl::StatusOr<ListenAddress> parsed = ParseListenAddress(address);
  if (parsed.ok()) return parsed;
  return absl::InvalidArgumentError(fmt::format("cannot listen on \"{}\": it {}", address,
                                                std::string(parsed.status().message())));
}

// 0, or why the address cannot be bound.
int TryBind(const addrinfo& address) {
  const Socket probe(address.ai_family);
  if (probe.fd() < 0) return errno;
  const int yes = 1;
  setsockopt(probe.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  return bind(probe.fd(), address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
}

}  // namespace

absl::Status CheckListenFile(std::string_view address) {
  RERANKD_ASSIGN_OR_RETURN(const ListenAddress parsed, Parse(address));
  return parsed.unix_path.empty() ? absl::OkStatus() : CheckSocketFile(address, parsed.unix_path);
}

absl::Status CheckListenAddress(std::string_view address) {
  RERANKD_ASSIGN_OR_RETURN(const ListenAddress parsed, Parse(address));
  if (!parsed.unix_path.empty()) {
    RERANKD_RETURN_IF_ERROR(CheckSocketFile(address, parsed.unix_path));
    return CheckSocketUnused(address, parsed.unix_path);
  }

  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int lookup =
      getaddrinfo(parsed.host.c_str(), std::to_string(parsed.port).c_str(), &hints, &found);
  if (lookup != 0) return CannotListen(address, gai_strerror(lookup));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  // A name may stand for an IPv6 address on a machine without IPv6: one that can be used is
  // enough, but none may be in use.
  int first_error = 0;
  bool usable = false;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const int error = TryBind(*one);
    if (error == EADDRINUSE) return CannotListen(address, error);
    if (error == 0) usable = true;
    if (first_error == 0) first_error = error;
  }
  return usable ? absl::OkStatus() : CannotListen(address, first_error);
}

}  // namespace rerankd
