#include "service/listen_address.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

using ::testing::HasSubstr;

TEST(ListenAddressTest, AcceptsWhatGrpcUnderstands) {
  for (const char* address : {"127.0.0.1:0", "localhost:0", "0.0.0.0:0", "unix:some.socket"}) {
    const absl::Status status = CheckListenAddress(address);
    EXPECT_TRUE(status.ok()) << address << ": " << status.ToString();
  }
}

TEST(ListenAddressTest, RefusesWhatIsNoAddress) {
  for (const char* address : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536",
                              "127.0.0.1:-1", ":50051", "::1:50051", "[]:1", "unix:"}) {
    EXPECT_EQ(CheckListenAddress(address).code(), absl::StatusCode::kInvalidArgument) << address;
  }
  EXPECT_EQ(CheckListenAddress("unix:/tmp/" + std::string(200, 'x')).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ListenAddressTest, SaysThatThePortIsInUse) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_GE(fd, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(name);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), size), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size), 0);
  for (const char* host : {"127.0.0.1", "localhost", "0.0.0.0"}) {
    const std::string address = fmt::format("{}:{}", host, ntohs(name.sin_port));
    const absl::Status status = CheckListenAddress(address);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << host;
    EXPECT_EQ(std::string(status.message()),
              fmt::format("cannot listen on {}: Address already in use", address));
  }
  close(fd);
}

TEST(ListenAddressTest, SaysThatTheAddressIsNotOurs) {
  const absl::Status status = CheckListenAddress("192.0.2.1:0");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Cannot assign requested address"));
}

TEST(ListenAddressTest, LeavesAUnixSocketToWhoeverServesIt) {
  const TempDir folder;
  const std::string path = (folder.path() / "s").string();
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_GE(fd, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof(name.sun_path));
  std::memcpy(name.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  EXPECT_THAT(std::string(CheckListenAddress("unix:" + path).message()),
              HasSubstr("Address already in use"));
  close(fd);  // the file stays, and nobody listens: free to take
  EXPECT_TRUE(CheckListenAddress("unix:" + path).ok());
}

TEST(ListenAddressTest, LeavesASocketOfAnotherKindAlone) {
  const TempDir folder;
  const std::string path = (folder.path() / "s").string();
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  EXPECT_THAT(std::string(CheckListenAddress("unix:" + path).message()),
              HasSubstr("may be in use"));
  close(fd);
}

TEST(ListenAddressTest, TheFileIsCheckedWhetherOrNotAServerRuns) {
  const TempDir folder;
  const std::string path = (folder.path() / "s").string();
  EXPECT_TRUE(CheckListenFile("unix:" + path).ok());
  EXPECT_TRUE(CheckListenFile("192.0.2.1:1").ok()) << "perhaps it is an address tomorrow";
  EXPECT_THAT(std::string(CheckListenFile("unix:/no/dir/x.sock").message()),
              HasSubstr("cannot listen on unix:/no/dir/x.sock: its folder /no/dir: No such file"));
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  EXPECT_TRUE(CheckListenFile("unix:" + path).ok());
  EXPECT_FALSE(CheckListenAddress("unix:" + path).ok());
  close(fd);
  std::ofstream(folder.path() / "data") << "precious";
  EXPECT_THAT(std::string(CheckListenFile("unix:" + (folder.path() / "data").string()).message()),
              HasSubstr("not a socket"));
}

// A socket that is bound, and left at once.
void LeaveSocket(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof(name.sun_path));
  std::memcpy(name.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  ASSERT_EQ(chmod(path.c_str(), 0666), 0);
  close(fd);
}

// What CheckListenFile() says to a user who is not root, on stderr.
[[noreturn]] void CheckAsNobody(const std::string& address) {
  if (geteuid() == 0 && setuid(65534) != 0) std::abort();
  const absl::Status status = CheckListenFile(address);
  std::fputs(std::string(status.message()).c_str(), stderr);
  std::exit(status.ok() ? 0 : 1);
}

TEST(ListenAddressTest, ASocketThatCannotBeReplacedIsSaid) {
  const TempDir folder;
  const std::string path = (folder.path() / "s").string();
  const auto refused = testing::ExitedWithCode(1);
  LeaveSocket(path);
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  EXPECT_EXIT(CheckAsNobody("unix:" + path), refused, "its folder .*: Permission denied");
  ASSERT_EQ(chmod(folder.path().c_str(), 01777), 0);
  if (geteuid() == 0) {
    EXPECT_EXIT(CheckAsNobody("unix:" + path), refused, "belongs to another user");
    ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
  }
  EXPECT_EXIT(CheckAsNobody("unix:" + path), testing::ExitedWithCode(0), "");
}

TEST(ListenAddressTest, LeavesFilesAlone) {
  const TempDir folder;
  std::ofstream(folder.path() / "data") << "precious";
  EXPECT_THAT(
      std::string(CheckListenAddress("unix:" + (folder.path() / "data").string()).message()),
      HasSubstr("not a socket"));
  EXPECT_THAT(
      std::string(CheckListenAddress("unix:" + (folder.path() / "no" / "s").string()).message()),
      HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace rerankd
