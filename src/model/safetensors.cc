#include "model/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>
#include <utility>

#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr size_t kLengthBytes = 8;
// Some hundred thousand tensors; a header of the largest published models has 0.1 MiB.
constexpr uint64_t kMaxHeaderBytes = uint64_t{16} << 20;
constexpr size_t kMaxRank = 8;

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  size_t size;
};

constexpr std::array kDTypes = {
    DTypeInfo{DType::kBool, "BOOL", 1}, DTypeInfo{DType::kU8, "U8", 1},
    DTypeInfo{DType::kI8, "I8", 1},     DTypeInfo{DType::kU16, "U16", 2},
    DTypeInfo{DType::kI16, "I16", 2},   DTypeInfo{DType::kU32, "U32", 4},
    DTypeInfo{DType::kI32, "I32", 4},   DTypeInfo{DType::kU64, "U64", 8},
    DTypeInfo{DType::kI64, "I64", 8},   DTypeInfo{DType::kF16, "F16", 2},
    DTypeInfo{DType::kBF16, "BF16", 2}, DTypeInfo{DType::kF32, "F32", 4},
    DTypeInfo{DType::kF64, "F64", 8},
};

const DTypeInfo& InfoOf(DType dtype) {
  return *std::find_if(kDTypes.begin(), kDTypes.end(),
                       [&](const DTypeInfo& info) { return info.dtype == dtype; });
}

template <typename... Args>
absl::Status Broken(std::string_view origin, fmt::format_string<Args...> format, Args&&... args) {
  return absl::FailedPreconditionError(
      fmt::format("{}: {}", origin, fmt::format(format, std::forward<Args>(args)...)));
}

uint64_t ReadHeaderLength(std::span<const std::byte> file) {
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= std::to_integer<uint64_t>(file[i]) << (8 * i);
  }
  return length;
}

// A whole number of at least 0, or nullopt.
std::optional<uint64_t> Unsigned(const nlohmann::json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<uint64_t>();
}

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string_view name;
};

// `entry` as tensor `name`; its bytes are left for the caller to fill in.
absl::StatusOr<std::pair<TensorView, Range>> ParseEntry(std::string_view name,
                                                        const nlohmann::json& entry,
                                                        std::string_view origin) {
  if (!entry.is_object())
    return Broken(origin, "tensor {} is not a JSON object", JsonExcerpt(name));
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) {
    return Broken(origin, "tensor {} has no \"dtype\" string", JsonExcerpt(name));
  }
  const auto known = std::find_if(kDTypes.begin(), kDTypes.end(), [&](const DTypeInfo& info) {
    return info.name == dtype->get_ref<const std::string&>();
  });
  if (known == kDTypes.end()) {
    return Broken(origin, "tensor {} has the unknown dtype {}", JsonExcerpt(name),
                  JsonExcerpt(*dtype));
  }

  TensorView view{.dtype = known->dtype};
  const auto shape = entry.find("shape");
  if (shape == entry.end() || !shape->is_array() || shape->size() > kMaxRank) {
    return Broken(origin, "tensor {} has no \"shape\" of at most {} dimensions", JsonExcerpt(name),
                  kMaxRank);
  }
  uint64_t wanted = known->size;
  for (const nlohmann::json& dimension : *shape) {
    const std::optional<uint64_t> size = Unsigned(dimension);
    if (!size || *size > uint64_t{1} << 48) {
      return Broken(origin, "tensor {}: \"shape\" has {}, not a usable dimension",
                    JsonExcerpt(name), JsonExcerpt(dimension));
    }
    if (__builtin_mul_overflow(wanted, *size, &wanted)) {
      return Broken(origin, "tensor {}: the size of shape {} overflows", JsonExcerpt(name),
                    JsonExcerpt(*shape));
    }
    view.shape.push_back(static_cast<int64_t>(*size));
  }

  const auto offsets = entry.find("data_offsets");
  const bool pair = offsets != entry.end() && offsets->is_array() && offsets->size() == 2;
  const std::optional<uint64_t> begin = pair ? Unsigned((*offsets)[0]) : std::nullopt;
  const std::optional<uint64_t> end = pair ? Unsigned((*offsets)[1]) : std::nullopt;
  if (!begin || !end || *begin > *end) {
    return Broken(origin, "tensor {} has no \"data_offsets\" [begin, end] with begin <= end",
                  JsonExcerpt(name));
  }
  if (*end - *begin != wanted) {
    return Broken(origin, "tensor {}: {} of shape {} needs {} bytes, but data_offsets span {}",
                  JsonExcerpt(name), known->name, JsonExcerpt(*shape), wanted, *end - *begin);
  }
  return std::pair(std::move(view), Range{*begin, *end, name});
}

// The ranges must cover the data exactly once: each byte belongs to one tensor.
absl::Status CheckCoverage(std::vector<Range> ranges, uint64_t data_bytes,
                           std::string_view origin) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  uint64_t covered = 0;
  std::string_view before = "the header";
  for (const Range& range : ranges) {
    if (range.begin < covered) {
      return Broken(origin, "tensor {} begins at byte {} of the data, inside {}",
                    JsonExcerpt(range.name), range.begin, JsonExcerpt(before));
    }
    if (range.begin > covered) {
      return Broken(origin, "bytes {} to {} of the data, before tensor {}, belong to no tensor",
                    covered, range.begin, JsonExcerpt(range.name));
    }
    covered = range.end;
    before = range.name;
  }
  if (covered > data_bytes) {
    return Broken(origin,
                  "truncated: {} bytes of data are there, but the header describes {} (tensor "
                  "{} is the last one)",
                  data_bytes, covered, JsonExcerpt(before));
  }
  if (covered < data_bytes) {
    return Broken(origin, "{} bytes follow the last tensor that the header describes",
                  data_bytes - covered);
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view DTypeName(DType dtype) { return InfoOf(dtype).name; }
size_t DTypeSize(DType dtype) { return InfoOf(dtype).size; }

absl::StatusOr<TensorMap> ParseSafetensors(std::span<const std::byte> file,
                                           std::string_view origin) {
  if (file.size() < kLengthBytes) {
    return Broken(origin, "truncated: {} bytes, but a safetensors file begins with 8 of length",
                  file.size());
  }
  const uint64_t header_bytes = ReadHeaderLength(file);
  if (header_bytes > kMaxHeaderBytes) {
    return Broken(origin,
                  "claims a header of {} bytes; at most {} are accepted, so this is no safetensors "
                  "file or a damaged one",
                  header_bytes, kMaxHeaderBytes);
  }
  if (header_bytes > file.size() - kLengthBytes) {
    return Broken(origin, "truncated: {} bytes, but its header alone ends at byte {}", file.size(),
                  kLengthBytes + header_bytes);
  }
  const auto data = file.subspan(kLengthBytes + header_bytes);
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes,
                              header_bytes);
  constexpr size_t kMaxDepth = 3;  // the header, a tensor, its shape
  RERANKD_ASSIGN_OR_RETURN(const nlohmann::json header,
                           ParseStrictJson(text, fmt::format("{}: the header", origin), kMaxDepth));
  if (!header.is_object()) return Broken(origin, "the header is not a JSON object");

  TensorMap tensors;
  std::vector<Range> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      const bool strings = entry.is_object() &&
                           std::all_of(entry.begin(), entry.end(), [](const nlohmann::json& value) {
                             return value.is_string();
                           });
      if (!strings) return Broken(origin, "\"__metadata__\" must map strings to strings");
      continue;
    }
    RERANKD_ASSIGN_OR_RETURN(auto parsed, ParseEntry(name, entry, origin));
    const auto slot = tensors.emplace(name, std::move(parsed.first)).first;
    parsed.second.name = slot->first;
    ranges.push_back(parsed.second);
  }
  RERANKD_RETURN_IF_ERROR(CheckCoverage(ranges, data.size(), origin));

  for (const Range& range : ranges) {
    TensorView& view = tensors.find(range.name)->second;
    view.bytes = data.subspan(range.begin, range.end - range.begin);
    if (reinterpret_cast<uintptr_t>(view.bytes.data()) % DTypeSize(view.dtype) != 0) {
      return Broken(origin,
                    "tensor {} begins at byte {} of the file, which is not a multiple of the {} "
                    "bytes of a {}",
                    JsonExcerpt(range.name), kLengthBytes + header_bytes + range.begin,
                    DTypeSize(view.dtype), DTypeName(view.dtype));
    }
  }
  return tensors;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::filesystem::path& path) {
  RERANKD_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  RERANKD_ASSIGN_OR_RETURN(TensorMap tensors, ParseSafetensors(file.bytes(), path.string()));
  return SafetensorsFile(path.string(), std::move(file), std::move(tensors));
}

SafetensorsFile::SafetensorsFile(std::string origin, MappedFile file, TensorMap tensors)
    : origin_(std::move(origin)), file_(std::move(file)), tensors_(std::move(tensors)) {}

}  // namespace rerankd
