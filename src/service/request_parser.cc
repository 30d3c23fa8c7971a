#include "service/request_parser.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/wire_format_lite.h>

#include <limits>
#include <map>
#include <string>

#include "core/errors.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;
using google::protobuf::internal::WireFormatLite;

// Why `payload` did not parse as `message`. Only for messages whose strings are all on the top
// level, as those of our requests are.
absl::Status Diagnose(std::string_view payload, const google::protobuf::Message& message) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  google::protobuf::UnknownFieldSet fields;
  if (fields.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    std::map<int, int> seen;  // how often each field was there already
    for (int i = 0; i < fields.field_count(); ++i) {
      const UnknownField& value = fields.field(i);
      const FieldDescriptor* field = type.FindFieldByNumber(value.number());
      if (field == nullptr || field->type() != FieldDescriptor::TYPE_STRING ||
          value.type() != UnknownField::TYPE_LENGTH_DELIMITED) {
        continue;
      }
      const int index = seen[value.number()]++;
      if (const auto offset = FindInvalidUtf8(value.length_delimited()); offset.has_value()) {
        const std::string name =
            field->is_repeated() ? fmt::format("{}[{}]", field->name(), index) : field->name();
        return WithReason(
            InvalidField(name, fmt::format("is not valid UTF-8 (at byte {})", *offset)),
            "INVALID_UTF8");
      }
    }
  }
  return WithReason(
      absl::InvalidArgumentError(fmt::format("the request's bytes are not a {}", type.full_name())),
      "MALFORMED_REQUEST");
}

// How often `payload` holds a string or message field `number` on its top level, up to where it
// stops being a protobuf message.
size_t CountField(std::string_view payload, int number) {
  const uint32_t tag_of_field =
      WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(payload.data()),
                                               static_cast<int>(payload.size()));
  size_t count = 0;
  while (const uint32_t tag = input.ReadTag()) {
    if (!WireFormatLite::SkipField(&input, tag)) break;
    if (tag == tag_of_field) ++count;
  }
  return count;
}

}  // namespace

absl::Status ParseRequest(std::string_view payload, google::protobuf::Message& message) {
  if (payload.size() > size_t{std::numeric_limits<int>::max()}) {
    return absl::InvalidArgumentError("the request is larger than 2 GiB");
  }
  {
    // protobuf logs each invalid UTF-8 to stderr, past our log and as often as a caller likes.
    google::protobuf::LogSilencer silence;
    if (message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      return absl::OkStatus();
    }
  }
  return Diagnose(payload, message);
}

absl::Status ParseRerankRequest(std::string_view payload, size_t max_documents,
                                rerank::v1::RerankRequest& request) {
  if (max_documents != 0) {
    const size_t documents = CountField(payload, rerank::v1::RerankRequest::kDocumentsFieldNumber);
    if (documents > max_documents) {
      return WithReason(
          InvalidField("documents", fmt::format("has {} entries, more than the {} that this "
                                                "server takes in one call",
                                                documents, max_documents)),
          "TOO_MANY_DOCUMENTS");
    }
  }
  return ParseRequest(payload, request);
}

}  // namespace rerankd
