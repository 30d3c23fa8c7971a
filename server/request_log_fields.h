// The log line of one call.
#pragma once

#include "observability/logging.h"
#include "service/request_log.h"

namespace rerankd {

// Info for what a caller can bring about, error for what only the server can mend.
LogLevel LevelOf(const RequestLog& request);

LogFields FieldsOf(const RequestLog& request);

}  // namespace rerankd
