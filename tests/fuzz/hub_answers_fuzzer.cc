// Arbitrary bytes as what a hub answers: headers and JSON. Refused in one line, or what is read is
// safe to build a path, a URL or an allocation from. The first byte chooses the kind of answer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "http/asked_delay.h"
#include "http/url.h"
#include "hub/cache_layout.h"
#include "hub/hub_api.h"
#include "hub/needed_files.h"

namespace {

constexpr char kCommit[] = "5617a9f61b028005a4858fdac845db406aefb181";

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckRefusal(const absl::Status& status) {
  Require(status.message().size() < 2000);
  Require(std::ranges::none_of(status.message(),
                               [](char c) { return c >= 0 && static_cast<int>(c) < 0x20; }));
}

// Joined to a folder, the path must stay below it.
void CheckPath(const std::string& path) {
  const auto normal = (std::filesystem::path("/cache") / path).lexically_normal();
  Require(normal.string().starts_with("/cache/") &&
          normal.string().find('\0') == std::string::npos);
}

// "200\nName: value\nName: value"
rerankd::HttpResponse Response(std::string_view text) {
  rerankd::HttpResponse response;
  bool first = true;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t colon = line.find(':');
    if (first) {
      response.status = std::atoi(std::string(line.substr(0, 3)).c_str());
    } else if (colon != std::string_view::npos) {
      response.headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    }
    first = false;
  }
  return response;
}

void CheckListing(std::string_view text) {
  const auto info = rerankd::ParseListing(text);
  if (!info.ok()) return CheckRefusal(info.status());
  Require(rerankd::IsCommit(info->commit));
  for (const std::string& file : info->files) CheckPath(file);
}

void CheckFileAnswer(const rerankd::HttpResponse& response) {
  rerankd::HasFileMetadata(response);
  const auto metadata = rerankd::ParseFileMetadata(response, kCommit);
  if (metadata.ok()) {
    Require(metadata->etag.size() == 40 || metadata->etag.size() == 64);
    Require(metadata->etag.find_first_not_of("0123456789abcdef") == std::string::npos);
  } else {
    CheckRefusal(metadata.status());
  }
  const auto delay = rerankd::AskedDelay(response, absl::UnixEpoch());
  Require(!delay.has_value() || delay->count() >= 0);
  CheckRefusal(rerankd::HubError(response, {}, {.repo = "org/name"}, "a.json"));
  const auto range = rerankd::ParseContentRange(response.Header("Content-Range").value_or(""));
  Require(!range.has_value() || !range->total.has_value() || range->first < *range->total);
}

void CheckRedirect(const rerankd::HttpResponse& response) {
  const auto from = rerankd::ParseUrl("https://hub.example/a/b?c");
  const auto request = rerankd::Redirected(
      {.url = from->text, .secret_headers = {{"Authorization", rerankd::Secret("x")}}}, response);
  if (!request.ok()) return CheckRefusal(request.status());
  // What is asked next is again a URL that is read the same way, and only the hub sees the token.
  const auto to = rerankd::ParseUrl(request->url);
  Require(to.ok() && to->text == request->url && to->scheme == "https");
  Require(request->secret_headers.empty() != rerankd::SameOrigin(*from, *to));
}

void CheckNeededFiles(std::string_view text) {
  // Half of it is modules.json, half the index.
  const std::string first(text.substr(0, text.size() / 2));
  const std::string second(text.substr(text.size() / 2));
  const std::vector<std::string> files = {
      "1_Pooling/config.json",        "a.safetensors", "b.safetensors", "config.json",
      "model.safetensors.index.json", "modules.json"};
  const auto needed = rerankd::NeededFiles(
      files, "org/name", [&](const std::string& file) -> absl::StatusOr<std::string> {
        return file == "modules.json" ? first : second;
      });
  if (!needed.ok()) return CheckRefusal(needed.status());
  for (const std::string& file : *needed) {
    Require(std::ranges::find(files, file) != files.end());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      CheckListing(text);
      break;
    case 1:
      CheckFileAnswer(Response(text));
      break;
    case 2:
      CheckRedirect(Response(text));
      break;
    default:
      CheckNeededFiles(text);
  }
  return 0;
}
