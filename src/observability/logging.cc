#include "observability/logging.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <concepts>

#include "util/json.h"

namespace rerankd {
namespace {

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string Timestamp(std::chrono::system_clock::time_point time) {
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::time_point_cast<std::chrono::seconds>(time)), millis);
}

// A JSON string literal, quotes included; bytes that are not UTF-8 become U+FFFD.
std::string Quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/false,
                                   nlohmann::json::error_handler_t::replace);
}

// In text lines a value is quoted only where it would be hard to tell where it ends.
std::string TextValue(std::string_view text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
  });
  return plain ? std::string(text) : Quoted(text);
}

std::string Number(double value) {
  return std::isfinite(value) ? fmt::format("{:.3f}", value) : "null";
}

struct ValueFormatter {
  bool json;
  std::string operator()(const std::string& text) const {
    return json ? Quoted(text) : TextValue(text);
  }
  std::string operator()(uint64_t value) const { return fmt::to_string(value); }
  std::string operator()(double value) const { return Number(value); }
};

}  // namespace

std::string FormatLogLine(LogFormat format, std::chrono::system_clock::time_point time,
                          LogLevel level, std::string_view message, const LogFields& fields) {
  const bool json = format == LogFormat::kJson;
  std::string line = json ? fmt::format(R"({{"time":"{}","level":"{}","message":{})",
                                        Timestamp(time), Name(level), Quoted(message))
                          : fmt::format("{} {:<7} {}{}", Timestamp(time), Name(level), message,
                                        fields.empty() ? "" : ":");
  for (const LogField& field : fields) {
    const std::string value = std::visit(ValueFormatter{json}, field.value);
    line += json ? fmt::format(",{}:{}", Quoted(field.key), value)
                 : fmt::format(" {}={}", field.key, value);
  }
  if (json) line += '}';
  return line;
}

Logger::Logger(const LogOptions& options)
    : options_(options), sink_([&]() -> std::shared_ptr<spdlog::logger> {
        spdlog::sink_ptr sink;
        if (options.output == LogOutput::kStdout) {
          sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
        } else {
          sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        }
        auto logger = std::make_shared<spdlog::logger>("rerankd", std::move(sink));
        logger->set_pattern("%v");
        logger->set_level(spdlog::level::trace);
        logger->flush_on(spdlog::level::trace);
        return logger;
      }()) {}

Logger::~Logger() = default;

void Logger::Debug(std::string_view message, const LogFields& fields) {
  Log(LogLevel::kDebug, message, fields);
}
void Logger::Info(std::string_view message, const LogFields& fields) {
  Log(LogLevel::kInfo, message, fields);
}
void Logger::Warning(std::string_view message, const LogFields& fields) {
  Log(LogLevel::kWarning, message, fields);
}
void Logger::Error(std::string_view message, const LogFields& fields) {
  Log(LogLevel::kError, message, fields);
}

void Logger::Log(LogLevel level, std::string_view message, const LogFields& fields) {
  if (!enabled(level)) return;
  const std::string line =
      FormatLogLine(options_.format, std::chrono::system_clock::now(), level, message, fields);
  sink_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace rerankd
