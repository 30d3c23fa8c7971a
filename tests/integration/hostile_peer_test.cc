// Peers that mean harm, against the real program: whatever they send, it goes on serving others. It
// is built on a packaged gRPC whose known weaknesses (docs/SECURITY.md) are tried here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "integration/fixtures.h"
#include "support/raw_http2.h"

namespace rerankd {
namespace {

class HostilePeerTest : public testing::Test {
 protected:
  HostilePeerTest()
      : server_({"--model-path", TestModel("tiny-cross-encoder"), "--handshake-timeout", "500ms"}),
        address_(server_.Address()) {}

  // Others are served, and it was not restarted.
  void ExpectServing() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + Process::kPatience);
    rerank::v1::RerankResponse response;
    const grpc::Status status = rerank::v1::RerankService::NewStub(Dial(address_))
                                    ->Rerank(&context, MakeRequest("q", {"a"}), &response);
    EXPECT_TRUE(status.ok()) << status.error_message() << "\n" << server_.err();
  }

  size_t ResidentBytes() const {
    std::ifstream status("/proc/" + std::to_string(server_.pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6)) << 10;
    }
    return 0;
  }

  ServerProcess server_;
  const std::string address_;
};

TEST_F(HostilePeerTest, WhoConnectsAndSaysNothingIsDropped) {
  const RawHttp2 silent(address_);
  EXPECT_TRUE(silent.IsClosed());
  ExpectServing();
}

TEST_F(HostilePeerTest, WhatIsNoHttp2IsDropped) {
  for (const char* const bytes : {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01",
                                  "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"}) {
    const RawHttp2 peer(address_);
    peer.Send(bytes);
    EXPECT_TRUE(peer.IsClosed()) << bytes;
  }
  ExpectServing();
}

// CVE-2023-1428.
TEST_F(HostilePeerTest, AnOddHeaderBeforeALargeOne) {
  for (const char* const te : {"x", "trailers", ""}) {
    const RawHttp2 peer(address_);
    ASSERT_TRUE(peer.Greet());
    const std::string fields =
        RawHttp2::CallFields({{"te", te}, {"large", std::string(12'000, 'x')}});
    EXPECT_TRUE(peer.Send(RawHttp2::Frame(
        RawHttp2::kHeaders, RawHttp2::kEndHeaders | RawHttp2::kEndStream, 1, fields)));
    ExpectServing();
  }
}

// CVE-2023-33953, and what other servers call a flood of CONTINUATION frames. This gRPC keeps what
// it is sent of a header block until the block ends, so the memory it takes is not looked at here.
TEST_F(HostilePeerTest, HeadersWithoutEnd) {
  const RawHttp2 peer(address_);
  ASSERT_TRUE(peer.Greet());
  ASSERT_TRUE(peer.Send(RawHttp2::Frame(RawHttp2::kHeaders, 0, 1, RawHttp2::CallFields())));
  const std::string more = RawHttp2::Frame(RawHttp2::kContinuation, 0, 1,
                                           RawHttp2::Fields({{"a", std::string(16'000, 'x')}}));
  for (int i = 0; i < 2'000 && peer.Send(more); ++i) {
  }
  ExpectServing();
}

// CVE-2023-44487.
TEST_F(HostilePeerTest, CallsThatAreResetAtOnce) {
  ExpectServing();
  const size_t before = ResidentBytes();
  const RawHttp2 peer(address_);
  ASSERT_TRUE(peer.Greet());
  const std::string fields = RawHttp2::CallFields();
  const std::string cancel("\x00\x00\x00\x08", 4);
  for (uint32_t stream = 1; stream < 2 * 20'000; stream += 2) {
    if (!peer.Send(RawHttp2::Frame(RawHttp2::kHeaders, RawHttp2::kEndHeaders, stream, fields) +
                   RawHttp2::Frame(RawHttp2::kReset, 0, stream, cancel))) {
      break;
    }
  }
  ExpectServing();
  EXPECT_LT(ResidentBytes(), before + (size_t{256} << 20));
}

TEST_F(HostilePeerTest, WhoPingsWithoutEndIsDropped) {
  const RawHttp2 peer(address_);
  ASSERT_TRUE(peer.Greet());
  const std::string ping = RawHttp2::Frame(RawHttp2::kPing, 0, 0, "12345678");
  for (int i = 0; i < 1000 && peer.Send(ping); ++i) {
  }
  EXPECT_TRUE(peer.IsClosed());
  ExpectServing();
}

TEST_F(HostilePeerTest, AMessageThatClaimsToBeLarge) {
  const RawHttp2 peer(address_);
  ASSERT_TRUE(peer.Greet());
  // Four gigabytes, of which five bytes come.
  ASSERT_TRUE(peer.Send(
      RawHttp2::Frame(RawHttp2::kHeaders, RawHttp2::kEndHeaders, 1, RawHttp2::CallFields()) +
      RawHttp2::Frame(RawHttp2::kData, 0, 1, std::string("\x00\xFF\xFF\xFF\xFFhello", 10))));
  ExpectServing();
  EXPECT_LT(ResidentBytes(), size_t{1} << 30);
}

TEST_F(HostilePeerTest, MetadataOverTheLimitIsRefused) {
  const auto stub = rerank::v1::RerankService::NewStub(Dial(address_));
  for (const auto& [bytes, is_good] : {std::pair<size_t, bool>(12'000, true), {20'000, false}}) {
    grpc::ClientContext context;
    context.AddMetadata("x-large", std::string(bytes, 'x'));
    rerank::v1::RerankResponse response;
    const grpc::Status status = stub->Rerank(&context, MakeRequest("q", {"a"}), &response);
    EXPECT_EQ(status.error_code(),
              is_good ? grpc::StatusCode::OK : grpc::StatusCode::RESOURCE_EXHAUSTED)
        << bytes << ": " << status.error_message();
  }
  ExpectServing();
}

TEST_F(HostilePeerTest, ManyConnectionsAtOnceDoNotKeepOthersOut) {
  std::vector<std::unique_ptr<RawHttp2>> peers;
  for (int i = 0; i < 500; ++i) peers.push_back(std::make_unique<RawHttp2>(address_));
  ExpectServing();
  for (const auto& peer : peers) EXPECT_TRUE(peer->IsClosed());
  ExpectServing();
}

TEST(StreamsTest, TheServerSaysHowManyCallsAConnectionMayHave) {
  ServerProcess server(
      {"--model-path", TestModel("tiny-cross-encoder"), "--max-streams-per-connection", "7"});
  const RawHttp2 peer(server.Address());
  ASSERT_TRUE(peer.Greet());
  std::optional<uint32_t> streams;
  while (const auto frame = peer.Receive()) {
    if (frame->type != RawHttp2::kSettings || (frame->flags & 1) != 0) continue;
    for (size_t i = 0; i + 6 <= frame->payload.size(); i += 6) {
      const auto byte = [&](size_t at) { return static_cast<uint8_t>(frame->payload[i + at]); };
      if (byte(0) == 0 && byte(1) == 3) {
        streams = static_cast<uint32_t>(byte(2) << 24 | byte(3) << 16 | byte(4) << 8 | byte(5));
      }
    }
    break;
  }
  EXPECT_EQ(streams, 7U);
  // And means it: the eighth that does not end is refused, or the connection is.
  const std::string fields = RawHttp2::CallFields();
  for (uint32_t stream = 1; stream <= 2 * 8; stream += 2) {
    peer.Send(RawHttp2::Frame(RawHttp2::kHeaders, RawHttp2::kEndHeaders, stream, fields));
  }
  bool refused = false;
  while (const auto frame = peer.Receive()) {
    refused = (frame->type == RawHttp2::kReset && frame->stream == 15) ||
              frame->type == RawHttp2::kGoAway;
    if (refused) break;
  }
  EXPECT_TRUE(refused || peer.IsClosed());
}

}  // namespace
}  // namespace rerankd
