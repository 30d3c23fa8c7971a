#include "service/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/errors.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

constexpr size_t kMaxQuotedBytes = 100;

// What a caller sent, short enough for a message.
std::string Quoted(std::string_view text) {
  if (text.size() <= kMaxQuotedBytes) return fmt::format("\"{}\"", text);
  return fmt::format("\"{}…\"", text.substr(0, Utf8FloorBoundary(text, kMaxQuotedBytes)));
}

}  // namespace

absl::Status Catalog::Add(Entry entry) {
  const bool taken = std::any_of(entries_.begin(), entries_.end(), [&](const Entry& other) {
    return other.info.name == entry.info.name;
  });
  if (taken) {
    return absl::InvalidArgumentError(
        fmt::format("there are two models named \"{}\"", entry.info.name));
  }
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::StatusOr<const Catalog::Entry*> Catalog::Find(std::string_view name) const {
  if (name.empty() && !entries_.empty()) return &entries_.front();
  std::string known;
  for (const Entry& entry : entries_) {
    if (entry.info.name == name) return &entry;
    known += (known.empty() ? "" : ", ") + entry.info.name;
  }
  if (entries_.empty()) return absl::NotFoundError("this server has no models");
  return WithReason(absl::NotFoundError(fmt::format("there is no model {}; this server has: {}",
                                                    Quoted(name), known)),
                    "UNKNOWN_MODEL");
}

}  // namespace rerankd
