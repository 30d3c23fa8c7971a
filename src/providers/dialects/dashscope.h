// Alibaba Cloud's DashScope (Model Studio), its native API.
#pragma once

#include "providers/dialect.h"

namespace rerankd {

Dialect DashScopeDialect();

}  // namespace rerankd
