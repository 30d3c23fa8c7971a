// The log: one event a line, as text for people or as JSON for machines.
//
// An event is a fixed message and named values, so that a line can be searched by its message and
// read by a program. What is logged never holds the text of a query or document.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "observability/log_options.h"

namespace spdlog {
class logger;
}

namespace rerankd {

struct LogField {
  using Value = std::variant<std::string, uint64_t, double>;

  LogField(std::string_view key, std::string_view value) : key(key), value(std::string(value)) {}
  LogField(std::string_view key, const char* value) : LogField(key, std::string_view(value)) {}
  LogField(std::string_view key, double value) : key(key), value(value) {}
  template <std::unsigned_integral T>
  LogField(std::string_view key, T value) : key(key), value(uint64_t{value}) {}

  std::string_view key;  // a literal
  Value value;
};
using LogFields = std::vector<LogField>;

// One line, without its end. Whatever a value holds (line breaks, quotes, bytes that are not
// UTF-8), it stays one line, and as JSON it stays valid JSON.
//   2026-01-31T12:00:00.123Z info  model loaded: name=rerankd-mini-en-v2 parameters=22713601
//   {"time":"2026-01-31T12:00:00.123Z","level":"info","message":"model loaded","name":…}
std::string FormatLogLine(LogFormat format, std::chrono::system_clock::time_point time,
                          LogLevel level, std::string_view message, const LogFields& fields);

// Safe for concurrent use; lines do not mix. A call returns once its line is written, so a reader
// of the stream that stands still holds up the writers.
class Logger {
 public:
  explicit Logger(const LogOptions& options);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool enabled(LogLevel level) const { return level >= options_.level; }

  void Log(LogLevel level, std::string_view message, const LogFields& fields = {});
  void Debug(std::string_view message, const LogFields& fields = {});
  void Info(std::string_view message, const LogFields& fields = {});
  void Warning(std::string_view message, const LogFields& fields = {});
  void Error(std::string_view message, const LogFields& fields = {});

 private:
  const LogOptions options_;
  const std::shared_ptr<spdlog::logger> sink_;
};

}  // namespace rerankd
