#include "config/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "config/collector_address.h"
#include "config/values.h"
#include "http/url.h"
#include "providers/registry.h"
#include "util/address.h"
#include "util/device_name.h"
#include "util/status_macros.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): for 30s

// `field` reaches a member of a T, const or not; the codec's type need only convert both ways.
template <typename T, typename V, typename Field>
Setting<T> Make(std::string_view key, std::string_view help, Field field, const Codec<V>& codec) {
  using Member = std::remove_cvref_t<decltype(field(std::declval<T&>()))>;
  const auto to_member = [](V value) {
    if constexpr (std::is_convertible_v<V, Member>) {
      return Member(std::move(value));
    } else {
      return std::chrono::duration_cast<Member>(value);
    }
  };
  const auto to_value = [](const Member& member) {
    if constexpr (std::is_same_v<Member, std::filesystem::path>) {
      return member.string();
    } else {
      return static_cast<V>(member);
    }
  };
  return {std::string(key),
          codec.form,
          std::string(help),
          std::is_same_v<Member, std::filesystem::path>,
          std::is_same_v<Member, std::vector<std::string>>,
          [field, to_member, parse = codec.parse](std::string_view text, T& target) {
            absl::StatusOr<V> value = parse(text);
            if (!value.ok()) return std::move(value).status();
            field(target) = to_member(*std::move(value));
            return absl::OkStatus();
          },
          [field, to_value, format = codec.format](const T& source) {
            return format(to_value(field(source)));
          },
          codec.shown ? codec.shown : [](std::string_view text) { return std::string(text); }};
}

#define RERANKD_FIELD(member) ([](auto& t) -> auto& { return t.member; })

absl::Status CheckListen(std::string_view text) { return ParseListenAddress(text).status(); }

absl::Status CheckDevice(std::string_view text) { return ParseDeviceName(text).status(); }

absl::Status CheckDistinct(const std::vector<std::string>& addresses) {
  std::vector<ListenAddress> known;
  for (const std::string& address : addresses) {
    RERANKD_ASSIGN_OR_RETURN(ListenAddress parsed, ParseListenAddress(address));
    const auto is_same = [&parsed](const ListenAddress& other) { return IsSame(parsed, other); };
    if (std::ranges::any_of(known, is_same)) {
      return absl::InvalidArgumentError(fmt::format("names {} twice; write it once", address));
    }
    known.push_back(std::move(parsed));
  }
  return absl::OkStatus();
}

// Prometheus cannot come through a Unix socket, and the packaged library that answers it knows no
// IPv6.
absl::Status CheckMetricsListen(std::string_view text) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<ListenAddress> address = ParseListenAddress(text);
  if (!address.ok() || !address->unix_path.empty()) {
    return absl::InvalidArgumentError(
        "must be host:port (port 0 to 65535), for example 127.0.0.1:9464");
  }
  // Elsewhere "*" is every address; that library looks it up as a name.
  if (address->host == "*") {
    return absl::InvalidArgumentError(fmt::format(
        "must be an IPv4 address or a name; for every address write 0.0.0.0:{}", address->port));
  }
  if (address->host.find(':') != std::string::npos) {
    return absl::InvalidArgumentError(
        fmt::format("must be an IPv4 address: metrics are not served over IPv6; write {}:{}",
                    IsLocal(*address) ? "127.0.0.1" : "0.0.0.0", address->port));
  }
  return absl::OkStatus();
}

absl::Status CheckCollector(std::string_view text) {
  return text.empty() ? absl::OkStatus() : ParseCollectorAddress(text).status();
}

absl::Status CheckServiceName(std::string_view text) {
  const bool good = text.size() <= 128 &&
                    std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; });
  return good ? absl::OkStatus()
              : absl::InvalidArgumentError("must be at most 128 printable ASCII characters");
}

absl::Status CheckName(std::string_view text) {
  if (text == kServiceName) {
    return absl::InvalidArgumentError(
        "must be another name: by this one health checks ask for the server as a whole");
  }
  const bool good = !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("._-/:@").find(c) != std::string_view::npos;
  });
  return good ? absl::OkStatus()
              : absl::InvalidArgumentError("must be 1 to 128 letters, digits and . _ - / : @");
}

absl::Status CheckModel(std::string_view text) {
  return !text.empty() && text.find('\0') == std::string_view::npos
             ? absl::OkStatus()
             : absl::InvalidArgumentError("must be the model's id at the hub, or a folder");
}

absl::Status CheckRevision(std::string_view text) {
  return text.empty() ? absl::InvalidArgumentError("must be a branch, a tag or a commit")
                      : absl::OkStatus();
}

absl::Status CheckEndpoint(std::string_view text) {
  return ParseUrl(text).ok() ? absl::OkStatus()
                             : absl::InvalidArgumentError(
                                   "must be an http or https URL without user name and password");
}

// Names in capitals, as they are by custom: a key that is written here by mistake is then refused.
absl::Status CheckVariable(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return good ? absl::OkStatus()
              : absl::InvalidArgumentError(
                    "must be the name of an environment variable that holds the key, in capital "
                    "letters, digits and _ (not the key itself)");
}

absl::Status CheckAnything(std::string_view) { return absl::OkStatus(); }

absl::Status CheckPath(std::string_view text) {
  return !text.empty() && text.find('\0') == std::string_view::npos
             ? absl::OkStatus()
             : absl::InvalidArgumentError("must be a path");
}

absl::Status CheckPrompt(std::string_view text) {
  return !FindInvalidUtf8(text) && text.size() <= 4096
             ? absl::OkStatus()
             : absl::InvalidArgumentError("must be at most 4096 bytes of UTF-8");
}

Codec<std::string> Checked(std::string_view form, absl::Status (*check)(std::string_view)) {
  Codec<std::string> codec = Text();
  codec.form = form;
  codec.parse = [check](std::string_view text) -> absl::StatusOr<std::string> {
    RERANKD_RETURN_IF_ERROR(check(text));
    return std::string(text);
  };
  return codec;
}

Codec<std::vector<std::string>> ListenAddresses() {
  Codec<std::vector<std::string>> codec = List(
      "host:port, [ipv6]:port or unix:/path, several separated by commas; in the file also a "
      "list",
      Checked("address", CheckListen));
  codec.parse =
      [parse = codec.parse](std::string_view text) -> absl::StatusOr<std::vector<std::string>> {
    RERANKD_ASSIGN_OR_RETURN(std::vector<std::string> addresses, parse(text));
    RERANKD_RETURN_IF_ERROR(CheckDistinct(addresses));
    return addresses;
  };
  return codec;
}

Codec<std::string> Endpoint() {
  Codec<std::string> codec = Checked("URL without user name and password", CheckEndpoint);
  codec.shown = WithoutUserInfo;
  return codec;
}

Codec<std::string> CollectorEndpoint() {
  Codec<std::string> codec =
      Checked("host:port, http://host:port or https://host:port", CheckCollector);
  codec.shown = WithoutUserInfo;
  return codec;
}

template <typename V>
Codec<std::optional<V>> Optional(const Codec<V>& codec) {
  return {codec.form,
          [parse = codec.parse](std::string_view text) -> absl::StatusOr<std::optional<V>> {
            auto value = parse(text);
            if (!value.ok()) return value.status();
            return std::optional<V>(*std::move(value));
          },
          [format = codec.format](const std::optional<V>& value) {
            return value ? format(*value) : std::string();
          }};
}

Setting<ModelEntry> ComputedHere(Setting<ModelEntry> setting) {
  setting.scope = EntryScope::kComputedHere;
  return setting;
}

Setting<ModelEntry> Hosted(Setting<ModelEntry> setting) {
  setting.scope = EntryScope::kHosted;
  return setting;
}

// What is written in place of a variable's name by mistake may be the key.
Codec<std::string> KeyVariable() {
  Codec<std::string> codec = Checked("NAME", CheckVariable);
  codec.shown = [](std::string_view) { return std::string("***"); };
  return codec;
}

Codec<double> Ratio() {
  return {"number, 0 to 1",
          [](std::string_view text) -> absl::StatusOr<double> {
            double ratio = 0;
            const auto [end, error] =
                std::from_chars(text.begin(), text.end(), ratio, std::chars_format::fixed);
            if (error == std::errc() && end == text.end() && ratio >= 0 && ratio <= 1) {
              return ratio;
            }
            return absl::InvalidArgumentError("must be a number from 0 to 1, for example 0.1");
          },
          [](const double& ratio) { return fmt::format("{}", ratio); }};
}

// As chmod takes it.
Codec<unsigned> FileMode() {
  return {
      "octal number, 0600 to 0777",
      [](std::string_view text) -> absl::StatusOr<unsigned> {
        unsigned mode = 0;
        const auto [end, error] = std::from_chars(text.begin(), text.end(), mode, 8);
        if (error == std::errc() && end == text.end() && mode <= 0777 && (mode & 0600) == 0600) {
          return mode;
        }
        return absl::InvalidArgumentError(
            "must be three octal digits, with read and write for the owner, for example 0660");
      },
      [](const unsigned& mode) { return fmt::format("0{:o}", mode); }};
}

// One word for two members: what computes a model, or which provider hosts it.
Setting<ModelEntry> KindSetting() {
  std::vector<std::pair<std::string_view, std::string>> words = {{"cross_encoder", "cross_encoder"},
                                                                 {"bi_encoder", "bi_encoder"}};
  for (const std::string& kind : ProviderKinds()) words.emplace_back(kind, kind);
  const Codec<std::string> codec = Choice<std::string>(words);
  const auto parse = [parse = codec.parse](std::string_view text, ModelEntry& entry) {
    const absl::StatusOr<std::string> word = parse(text);
    if (!word.ok()) return word.status();
    const bool is_pair = *word == "cross_encoder";
    const bool is_hosted = !is_pair && *word != "bi_encoder";
    entry.kind = is_hosted ? EntryKind::kHosted
                 : is_pair ? EntryKind::kCrossEncoder
                           : EntryKind::kBiEncoder;
    entry.provider.kind = is_hosted ? *word : "";
    return absl::OkStatus();
  };
  return {.key = "kind",
          .form = codec.form,
          .help =
              "cross_encoder reads query and document together; bi_encoder compares the "
              "embeddings of a sentence-transformers folder; the others are providers that "
              "host the model (docs/PROVIDERS.md).",
          .parse = parse,
          .format = [](const ModelEntry& entry) { return entry.kind_name(); },
          .shown = [](std::string_view text) { return std::string(text); }};
}

// A model that is computed here by its place, a hosted one by its provider's name for it.
Setting<ModelEntry> ModelSetting() {
  Setting<ModelEntry> setting = Make<ModelEntry>(
      "model",
      "The model: its id at the hub, or a folder (one that is there, or that begins with /, ./, "
      "../ or ~); of a provider: its name there.",
      RERANKD_FIELD(hub_id), Checked("id or folder", CheckModel));
  setting.format = [](const ModelEntry& entry) {
    return entry.kind == EntryKind::kHosted ? entry.provider.model : entry.hub_id;
  };
  return setting;
}

Setting<ModelEntry> ExtraBodySetting() {
  Setting<ModelEntry> setting = Make<ModelEntry>(
      "extra_body",
      "Members for the body of each request to the provider, beyond those that have a setting.",
      RERANKD_FIELD(provider.extra_body), Checked("mapping, or a JSON object", CheckAnything));
  setting.is_map = true;
  return Hosted(std::move(setting));
}

}  // namespace

std::span<const Setting<ServerConfig>> ServerSettings() {
  static const auto* const settings = new std::vector<Setting<ServerConfig>>{
      Make<ServerConfig>(
          "listen",
          "Where to listen, in one place or several; port 0 takes any free one. Beyond loopback "
          "set tls and keys_file too (docs/SECURITY.md).",
          RERANKD_FIELD(service.listen), ListenAddresses()),
      Make<ServerConfig>(
          "unix_socket_mode",
          "The permissions of a Unix socket that is listened on; whoever may write to it may call.",
          RERANKD_FIELD(service.unix_socket_mode), FileMode()),
      Make<ServerConfig>("keys_file",
                         "The file of the API keys that calls need (rerankctl key makes its "
                         "lines); it is read again when it changes. Unset: they need none.",
                         RERANKD_FIELD(keys_file), Checked("path", CheckPath)),
      Make<ServerConfig>(
          "port_file",
          "File to which the port is written once the server accepts calls; it appears whole. "
          "Needs an address with a port among those of listen, whose first it is.",
          RERANKD_FIELD(port_file), Checked("path", CheckPath)),
      Make<ServerConfig>(
          "grace_period",
          "How long calls may go on after SIGTERM before they are cancelled and the server exits.",
          RERANKD_FIELD(grace_period), DurationValue(0s, 1h)),
      Make<ServerConfig>("reflection",
                         "Whether clients may ask for the API's description; grpcurl needs it.",
                         RERANKD_FIELD(service.reflection), Boolean()),
      Make<ServerConfig>(
          "max_message_bytes",
          "The largest request, after decompression; a larger one fails with RESOURCE_EXHAUSTED.",
          RERANKD_FIELD(service.max_message_bytes), Bytes(1 << 10, 1 << 30)),
      Make<ServerConfig>(
          "accept_compressed",
          "Whether compressed requests are read; a small one may take memory without bound before "
          "max_message_bytes refuses it, so only where all clients are trusted.",
          RERANKD_FIELD(service.accept_compressed), Boolean()),
      Make<ServerConfig>("max_documents", "The most documents in one call; 0: no limit.",
                         RERANKD_FIELD(service.max_documents), Integer(0, 1'000'000'000)),
      Make<ServerConfig>(
          "max_concurrent_requests",
          "Calls in progress at the same time; more are refused with RESOURCE_EXHAUSTED. 0: no "
          "limit.",
          RERANKD_FIELD(service.max_concurrent_requests), Integer(0, 1'000'000)),
      Make<ServerConfig>("max_streams_per_connection",
                         "Calls in progress on one connection; a client waits with more.",
                         RERANKD_FIELD(service.max_streams_per_connection), Integer(1, 1'000'000)),
      Make<ServerConfig>(
          "handshake_timeout",
          "How long a client may take to connect, TLS included, before it is dropped.",
          RERANKD_FIELD(service.handshake_timeout), DurationValue(1ms, 1h)),
      Make<ServerConfig>(
          "min_client_ping_interval",
          "A client that sends keepalive pings more often than this is disconnected.",
          RERANKD_FIELD(service.min_client_ping_interval), DurationValue(1ms, 1h)),
      Make<ServerConfig>(
          "keepalive_interval",
          "After how long without traffic the server asks whether a client is still there.",
          RERANKD_FIELD(service.keepalive_interval), DurationValue(1s, 24h)),
      Make<ServerConfig>(
          "keepalive_timeout",
          "How long the server waits for that answer before it drops the connection and its calls.",
          RERANKD_FIELD(service.keepalive_timeout), DurationValue(1s, 1h)),
      Make<ServerConfig>(
          "max_connection_age",
          "After how long a connection is closed once its calls have ended, so that clients which "
          "spread their calls look for other servers; 0: never.",
          RERANKD_FIELD(service.max_connection_age), DurationValue(0s, 24h)),
      Make<ServerConfig>(
          "tokenizer_threads",
          "Threads that tokenize, shared by all models; 0: one for each processor that the "
          "server may use.",
          RERANKD_FIELD(tokenizer_threads), Integer(0, 1024)),
      Make<ServerConfig>("admin",
                         "Whether clients may load, reload and unload models: those with a key "
                         "that allows it or, without keys_file, whoever can reach the server.",
                         RERANKD_FIELD(service.admin), Boolean()),
      Make<ServerConfig>(
          "on_error",
          "What happens when a model cannot be loaded at the start. fail: the server does not "
          "start; skip: it serves the others.",
          RERANKD_FIELD(on_error),
          Choice<OnError>({{"fail", OnError::kFail}, {"skip", OnError::kSkip}})),
      Make<ServerConfig>(
          "tls.certificate",
          "A PEM file of the server's certificate and those between it and its root; it is read "
          "again when it changes, as are the others. Unset: no TLS.",
          RERANKD_FIELD(tls.certificate), Checked("path", CheckPath)),
      Make<ServerConfig>("tls.key", "A PEM file of the certificate's private key.",
                         RERANKD_FIELD(tls.key), Checked("path", CheckPath)),
      Make<ServerConfig>("tls.client_ca",
                         "A PEM file of the authorities whose clients are let in; unset: clients "
                         "need no certificate.",
                         RERANKD_FIELD(tls.client_ca), Checked("path", CheckPath)),
      Make<ServerConfig>(
          "tls.require_client_certificate",
          "With client_ca: whether a client without a certificate is turned away, or only one "
          "with a wrong one.",
          RERANKD_FIELD(tls.require_client_certificate), Boolean()),
      Make<ServerConfig>("log.level", "The least severe events to log.", RERANKD_FIELD(log.level),
                         Choice<LogLevel>({{"debug", LogLevel::kDebug},
                                           {"info", LogLevel::kInfo},
                                           {"warning", LogLevel::kWarning},
                                           {"error", LogLevel::kError}})),
      Make<ServerConfig>(
          "log.format", "One line an event, for people or for programs.", RERANKD_FIELD(log.format),
          Choice<LogFormat>({{"text", LogFormat::kText}, {"json", LogFormat::kJson}})),
      Make<ServerConfig>(
          "log.output", "Where the log goes.", RERANKD_FIELD(log.output),
          Choice<LogOutput>({{"stdout", LogOutput::kStdout}, {"stderr", LogOutput::kStderr}})),
      Make<ServerConfig>(
          "metrics.listen",
          "Where Prometheus finds /metrics, over HTTP without encryption or passwords; unset: "
          "nowhere, and nothing is counted. 127.0.0.1:9464 for this machine alone.",
          RERANKD_FIELD(metrics.listen), Checked("host:port", CheckMetricsListen)),
      Make<ServerConfig>(
          "tracing.endpoint",
          "The collector that traces are sent to, over OTLP/gRPC, with TLS after https://; unset: "
          "OTEL_EXPORTER_OTLP_ENDPOINT, or no call is traced.",
          RERANKD_FIELD(tracing.endpoint), CollectorEndpoint()),
      Make<ServerConfig>(
          "tracing.sample_ratio",
          "Of the Rerank calls that come without a trace, the share that begins one; those that "
          "come with one are traced if it is sampled.",
          RERANKD_FIELD(tracing.sample_ratio), Ratio()),
      Make<ServerConfig>("tracing.service_name",
                         "What the traces call this server; unset: OTEL_SERVICE_NAME, or rerankd.",
                         RERANKD_FIELD(tracing.service_name), Checked("text", CheckServiceName)),
      Make<ServerConfig>(
          "hub.cache_dir",
          "Where models of the hub are kept, in huggingface_hub's layout; unset: HF_HUB_CACHE, "
          "HF_HOME, or ~/.cache/huggingface/hub.",
          RERANKD_FIELD(hub.cache_dir), Checked("path", CheckPath)),
      Make<ServerConfig>("hub.endpoint",
                         "The hub, or a mirror of it; unset: HF_ENDPOINT, or Hugging Face's own.",
                         RERANKD_FIELD(hub.endpoint), Endpoint()),
      Make<ServerConfig>(
          "hub.offline",
          "Whether to use only what is in the cache; unset: what HF_HUB_OFFLINE says.",
          RERANKD_FIELD(hub.offline), Optional(Boolean())),
  };
  return *settings;
}

std::span<const Setting<ModelEntry>> ModelSettings() {
  static const auto* const settings = new std::vector<Setting<ModelEntry>>{
      ModelSetting(),
      ComputedHere(Make<ModelEntry>("revision",
                                    "A branch, tag or commit of the hub's model; unset: main.",
                                    RERANKD_FIELD(revision), Checked("text", CheckRevision))),
      ComputedHere(Make<ModelEntry>(
          "path", "The model's folder, as Hugging Face lays it out; in place of model.",
          RERANKD_FIELD(path), Checked("path", CheckPath))),
      Make<ModelEntry>(
          "name",
          "How calls name the model; unset: its id at the hub, or the last part of its path.",
          RERANKD_FIELD(name), Checked("text", CheckName)),
      Make<ModelEntry>(
          "aliases", "Other names for it.", RERANKD_FIELD(aliases),
          List("names, separated by commas; in the file also a list", Checked("text", CheckName))),
      Make<ModelEntry>("default",
                       "Whether it is the model of calls that name none; unset: the first one is.",
                       RERANKD_FIELD(is_default), Boolean()),
      Make<ModelEntry>(
          "load",
          "When it is loaded: before the server serves, or for the first call that needs it.",
          RERANKD_FIELD(load),
          Choice<LoadTime>({{"start", LoadTime::kStart}, {"on_demand", LoadTime::kOnDemand}})),
      ComputedHere(Make<ModelEntry>(
          "unload_after",
          "After how long without a call a model that is loaded on demand is unloaded; 0: never.",
          RERANKD_FIELD(unload_after), DurationValue(0s, 24h * 365))),
      KindSetting(),
      ComputedHere(Make<ModelEntry>(
          "device",
          "What the model computes on: the processor, or a GPU (of the image and the builds that "
          "have CUDA's libraries).",
          RERANKD_FIELD(device), Checked("cpu | cuda | cuda:N", CheckDevice))),
      ComputedHere(Make<ModelEntry>("precision",
                                    "Arithmetic of the large matrix products; bf16 pays on GPUs "
                                    "and on processors made for it.",
                                    RERANKD_FIELD(precision),
                                    Choice<std::string>({{"fp32", "fp32"}, {"bf16", "bf16"}}))),
      ComputedHere(Make<ModelEntry>(
          "max_tokens",
          "The longest sequence to read, special tokens included; 0: 512 for a cross_encoder under "
          "only_document, else as long as the model allows.",
          RERANKD_FIELD(max_tokens), Integer(0, 1'000'000))),
      ComputedHere(Make<ModelEntry>(
          "query_max_tokens",
          "The most tokens of a query under only_document; 0: 256, or half of max_tokens where "
          "that is less.",
          RERANKD_FIELD(query_max_tokens), Integer(0, 1'000'000))),
      Make<ModelEntry>("truncation",
                       "What happens to texts that are too long, in a call that does not say.",
                       RERANKD_FIELD(truncation),
                       Choice<Truncation>({{"only_document", Truncation::kOnlyDocument},
                                           {"longest_first", Truncation::kLongestFirst},
                                           {"refuse", Truncation::kRefuse}})),
      Make<ModelEntry>("score_kind",
                       "The kind of score for a call that asks for none; unset: what the model's "
                       "folder says, or "
                       "what the provider gives.",
                       RERANKD_FIELD(score_kind),
                       Optional(Choice<ScoreKind>({{"raw", ScoreKind::kRaw},
                                                   {"sigmoid", ScoreKind::kSigmoid},
                                                   {"provider", ScoreKind::kProvider}}))),
      Make<ModelEntry>("query_prompt",
                       "What comes before each query, as if callers had written it; unset: what "
                       "the model's folder says.",
                       RERANKD_FIELD(query_prompt), Optional(Checked("text", CheckPrompt))),
      Make<ModelEntry>("document_prompt",
                       "What comes before each document; unset: what the model's folder says.",
                       RERANKD_FIELD(document_prompt), Optional(Checked("text", CheckPrompt))),
      Hosted(Make<ModelEntry>(
          "base_url",
          "Where calls to the provider go, without the path of the call; unset: the provider's own "
          "address.",
          RERANKD_FIELD(provider.base_url), Checked("URL", CheckAnything))),
      Hosted(Make<ModelEntry>(
          "allow_http",
          "Whether base_url may be http to another machine; texts and key then travel unencrypted.",
          RERANKD_FIELD(provider.allow_http), Boolean())),
      Hosted(Make<ModelEntry>(
          "api_key_file",
          "The file that holds the provider's key; it is read again when it changes. Unset: "
          "api_key_env.",
          RERANKD_FIELD(provider.api_key_file), Checked("path", CheckPath))),
      Hosted(Make<ModelEntry>("api_key_env",
                              "The environment variable that holds the provider's "
                              "key; unset: those that the provider's "
                              "own clients read.",
                              RERANKD_FIELD(provider.api_key_env), KeyVariable())),
      Hosted(Make<ModelEntry>(
          "caller_key",
          "Whether a call may bring a key of its own, in the metadata key x-rerank-provider-key.",
          RERANKD_FIELD(provider.caller_key), Choice<bool>({{"deny", false}, {"allow", true}}))),
      Hosted(Make<ModelEntry>(
          "max_tokens_per_doc",
          "Tokens after which the provider cuts a document; 0: what it does by itself.",
          RERANKD_FIELD(provider.max_tokens_per_doc), Integer(0, 10'000'000))),
      Hosted(Make<ModelEntry>(
          "priority", "How urgent calls are to the provider, 0 being the most; unset: not sent.",
          RERANKD_FIELD(provider.priority), Optional(Integer(0, 999)))),
      Hosted(Make<ModelEntry>(
          "instruction",
          "What the model is told to look for, where the provider has a field for it.",
          RERANKD_FIELD(provider.instruction), Checked("text", CheckPrompt))),
      ExtraBodySetting(),
      Hosted(Make<ModelEntry>(
          "max_documents",
          "The most documents of one call to the provider; 0: the limit that is known of it.",
          RERANKD_FIELD(provider.max_documents), Integer(0, 1'000'000))),
      Hosted(Make<ModelEntry>(
          "timeout",
          "How long a call to the provider may take, with retries and waiting, where its caller "
          "would wait longer.",
          RERANKD_FIELD(remote.timeout), DurationValue(1ms, 1h))),
      Hosted(Make<ModelEntry>("connect_timeout",
                              "How long a connection to the provider may take to be made.",
                              RERANKD_FIELD(remote.connect_timeout), DurationValue(1ms, 5min))),
      Hosted(Make<ModelEntry>("max_answer_bytes",
                              "The largest answer of the provider, after decompression, beside "
                              "twice the size of the call.",
                              RERANKD_FIELD(remote.max_answer_bytes), Bytes(1 << 10, 1 << 30))),
      Hosted(Make<ModelEntry>(
          "ca_file",
          "A PEM file of the certificates to trust with this provider; unset: the system's.",
          RERANKD_FIELD(remote.ca_file), Checked("path", CheckPath))),
      Hosted(Make<ModelEntry>(
          "max_retries", "How often a call is sent again after a failure that may pass; 0: never.",
          RERANKD_FIELD(remote.max_retries), Integer(0, 100))),
      Hosted(Make<ModelEntry>(
          "retry_delay",
          "The longest pause before the first retry; it doubles for each further one. The pause is "
          "random, and at least what the provider asks for.",
          RERANKD_FIELD(remote.retry_delay), DurationValue(1ms, 1h))),
      Hosted(Make<ModelEntry>("max_retry_delay", "The most that the longest pause grows to.",
                              RERANKD_FIELD(remote.max_retry_delay), DurationValue(1ms, 1h))),
      Hosted(Make<ModelEntry>(
          "retry_budget",
          "A failure takes one from it, a success gives a tenth back; there are retries while more "
          "than half is left. 0: always.",
          RERANKD_FIELD(remote.retry_budget), Integer(0, 1000))),
      Hosted(Make<ModelEntry>(
          "hedge_after",
          "After so long without an answer a call is sent a second time, and the first answer "
          "counts; the provider bills both. 0: never.",
          RERANKD_FIELD(remote.hedge_after), DurationValue(0s, 1h))),
      Hosted(Make<ModelEntry>("breaker_calls",
                              "So many calls within breaker_window it takes to conclude that the "
                              "provider is in trouble "
                              "and to refuse calls; 0: that is never concluded.",
                              RERANKD_FIELD(remote.breaker_calls), Integer(0, 1'000'000))),
      Hosted(Make<ModelEntry>(
          "breaker_percent",
          "The share of them that has to fail (no connection, no answer in time, 5xx).",
          RERANKD_FIELD(remote.breaker_percent), Integer(1, 100))),
      Hosted(Make<ModelEntry>("breaker_window", "How far back calls count.",
                              RERANKD_FIELD(remote.breaker_window), DurationValue(10ms, 1h))),
      Hosted(Make<ModelEntry>(
          "breaker_open",
          "How long calls are refused before one at a time is sent to see whether that is over.",
          RERANKD_FIELD(remote.breaker_open), DurationValue(1ms, 1h))),
      Hosted(Make<ModelEntry>(
          "breaker_patience",
          "A call whose time ran out counts as failed if the provider had at least so long.",
          RERANKD_FIELD(remote.breaker_patience), DurationValue(0s, 1h))),
      Hosted(Make<ModelEntry>(
          "max_concurrent_calls",
          "Calls that are sent with one key at the same time, counted over all entries of the "
          "provider; 0: no limit.",
          RERANKD_FIELD(remote.max_concurrent_calls), Integer(0, 1'000'000))),
      Hosted(Make<ModelEntry>(
          "max_waiting_calls",
          "Calls that wait for their turn; past that, calls are refused with RESOURCE_EXHAUSTED.",
          RERANKD_FIELD(remote.max_waiting_calls), Integer(0, 1'000'000))),
      Hosted(Make<ModelEntry>(
          "split",
          "Whether a call with more documents than the provider takes is sent as several, and the "
          "answers put together; else it is refused.",
          RERANKD_FIELD(remote.split), Boolean())),
      Hosted(Make<ModelEntry>(
          "fallback",
          "Models that are asked in turn when this one is unavailable, exhausted or refuses its "
          "key; "
          "the answer names the one that scored.",
          RERANKD_FIELD(remote.fallback),
          List("names, separated by commas; in the file also a list", Checked("text", CheckName)))),
  };
  return *settings;
}

std::span<const Setting<EngineOptions>> EngineSettings() {
  static const auto* const settings = new std::vector<Setting<EngineOptions>>{
      Make<EngineOptions>(
          "sessions",
          "Batches computed at the same time, each on threads of its own; 0: as many as the "
          "processors that the server may use allow, on a GPU 2.",
          RERANKD_FIELD(sessions), Integer(0, 1024)),
      Make<EngineOptions>("threads_per_session", "Threads that work on one batch together.",
                          RERANKD_FIELD(threads_per_session), Integer(1, 1024)),
      Make<EngineOptions>(
          "max_batch_tokens",
          "Tokens that one batch holds at most; a longer single sequence is a batch of its own. "
          "Unset: 1024, on a GPU 16384.",
          RERANKD_FIELD(max_batch_tokens), Optional(Integer(1, 10'000'000))),
      Make<EngineOptions>(
          "max_batch_delay",
          "How long a session that could start waits for a batch to fill up; 0: it takes what is "
          "there.",
          RERANKD_FIELD(max_batch_delay), DurationValue(0s, 10s, 1us)),
      Make<EngineOptions>(
          "max_queued_documents",
          "Documents admitted and not yet answered; past that, calls are refused with "
          "RESOURCE_EXHAUSTED.",
          RERANKD_FIELD(max_queued_documents), Integer(1, 1'000'000'000)),
  };
  return *settings;
}

namespace {

// Without a section that only repeats the name.
std::string_view ShortKey(std::string_view key) {
  const size_t dot = key.find('.');
  if (dot == std::string_view::npos || key.substr(0, dot) != key.substr(dot + 1)) return key;
  return key.substr(dot + 1);
}

}  // namespace

std::string FlagOf(std::string_view key) {
  std::string flag = fmt::format("--{}", ShortKey(key));
  std::ranges::replace_if(flag, [](char c) { return c == '.' || c == '_'; }, '-');
  return flag;
}

std::string EnvironmentOf(std::string_view key) {
  std::string name = fmt::format("RERANKD_{}", ShortKey(key));
  std::ranges::transform(name, name.begin(), [](char c) {
    if (c == '.') return '_';
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return name;
}

std::vector<SettingSummary> SettingSummaries() {
  std::vector<SettingSummary> summaries;
  const auto add = [&](auto settings, std::string_view prefix, const auto& defaults) {
    for (const auto& setting : settings) {
      summaries.push_back({fmt::format("{}{}", prefix, setting.key), setting.form, setting.help,
                           setting.format(defaults)});
    }
  };
  add(ServerSettings(), "", ServerConfig());
  add(EngineSettings(), "engine.", EngineOptions());
  add(ModelSettings(), "model.", ModelEntry());
  return summaries;
}

std::string SettingsTable() {
  std::string table =
      "| setting | value | default | meaning |\n"
      "|---|---|---|---|\n";
  for (const SettingSummary& setting : SettingSummaries()) {
    std::string form = setting.form;
    for (size_t bar = form.find('|'); bar != std::string::npos; bar = form.find('|', bar + 2)) {
      form.replace(bar, 1, "\\|");
    }
    table += fmt::format("| `{}` | {} | {} | {} |\n", setting.key, form,
                         setting.default_value.empty() ? "–" : setting.default_value, setting.help);
  }
  return table;
}

}  // namespace rerankd
