#include "http/ca_file.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <memory>

#include "absl/status/statusor.h"
#include "util/file.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

struct FreeStore {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};

}  // namespace

absl::Status CheckCaFile(const std::filesystem::path& file) {
  RERANKD_RETURN_IF_ERROR(ReadFile(file).status());
  // What libcurl does with it.
  const std::unique_ptr<X509_STORE, FreeStore> store(X509_STORE_new());
  if (store == nullptr) return absl::ResourceExhaustedError("out of memory");
  const bool loaded = X509_STORE_load_locations(store.get(), file.c_str(), nullptr) == 1;
  ERR_clear_error();
  if (loaded) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("{} holds no certificate that can be read; it must be PEM, with a "
                  "\"-----BEGIN CERTIFICATE-----\" for each",
                  file.string()));
}

}  // namespace rerankd
