// Settings of the log.
#pragma once

namespace rerankd {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };
enum class LogOutput { kStdout, kStderr };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  LogOutput output = LogOutput::kStdout;
};

}  // namespace rerankd
