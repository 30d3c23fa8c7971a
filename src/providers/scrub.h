// What a provider says, made fit for others' eyes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/types.h"
#include "util/secret.h"

namespace rerankd {

// `text` without pieces of `key` (8 bytes in a row or more) and of the request's texts (20 bytes in
// a row or more; a shorter text of at least 3 where it stands as a word), each replaced by "[...]";
// in valid UTF-8 without control characters, cut to `max_bytes`. Takes time in proportion to the
// texts of the request.
std::string Scrub(std::string_view text, const Secret& key, const RerankRequest& request,
                  size_t max_bytes);

}  // namespace rerankd
