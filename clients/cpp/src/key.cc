#include "key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "security/api_keys.h"
#include "util/status_macros.h"

namespace rerankd::client {
namespace {

absl::Status WriteNewFile(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written =
      fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  const bool closed = fd >= 0 && close(fd) == 0;
  if (written && closed) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{}: {}", path, std::generic_category().message(error)));
}

}  // namespace

absl::StatusOr<MadeKey> MakeKey(const KeyArguments& arguments) {
  RERANKD_RETURN_IF_ERROR(CheckTenant(arguments.tenant));
  if (arguments.burst > 0 && arguments.tokens_per_second == 0) {
    return absl::InvalidArgumentError("--burst needs --tokens-per-second");
  }
  MadeKey made;
  RERANKD_ASSIGN_OR_RETURN(made.key, MakeApiKey());
  made.line = FormatApiKey({.tenant = arguments.tenant,
                            .hash = HashOf(made.key.Reveal()),
                            .rate = {.per_second = static_cast<double>(arguments.tokens_per_second),
                                     .burst = static_cast<double>(arguments.burst)},
                            .admin = arguments.admin});
  if (!arguments.out.empty()) {
    RERANKD_RETURN_IF_ERROR(WriteNewFile(arguments.out, made.key.Reveal() + "\n"));
  }
  return made;
}

}  // namespace rerankd::client
