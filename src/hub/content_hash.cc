#include "hub/content_hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <fstream>
#include <memory>
#include <span>
#include <vector>

namespace rerankd {
namespace {

constexpr size_t kSha256Digits = 64;
constexpr size_t kPieceBytes = size_t{1} << 20;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

absl::StatusOr<std::string> HashLike(std::string_view etag, const std::filesystem::path& path,
                                     const std::stop_token& stop) {
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) {
    return absl::FailedPreconditionError(fmt::format("{}: cannot be read", path.string()));
  }
  const bool sha256 = etag.size() == kSha256Digits;
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  bool ok = context != nullptr &&
            EVP_DigestInit_ex(context.get(), sha256 ? EVP_sha256() : EVP_sha1(), nullptr) == 1;
  if (ok && !sha256) {
    // git hashes this and a zero byte before the content.
    const std::string header = fmt::format("blob {}", bytes);
    ok = EVP_DigestUpdate(context.get(), header.c_str(), header.size() + 1) == 1;
  }
  std::vector<char> piece(kPieceBytes);
  while (ok && file) {
    if (stop.stop_requested()) return absl::CancelledError("cancelled");
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    ok = EVP_DigestUpdate(context.get(), piece.data(), static_cast<size_t>(file.gcount())) == 1;
  }
  if (file.bad()) {
    return absl::FailedPreconditionError(fmt::format("{}: cannot be read", path.string()));
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!ok || EVP_DigestFinal_ex(context.get(), digest, &size) != 1) {
    return absl::InternalError(
        "OpenSSL cannot compute a SHA-256 or SHA-1; is it in a mode (FIPS) that forbids it?");
  }
  std::string hex;
  for (const unsigned char byte : std::span(digest, size)) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace rerankd
