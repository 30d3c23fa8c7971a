// A request that is sent a second time when the first has no answer for too long.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "http/async_http_client.h"
#include "providers/key_limits.h"
#include "util/clock.h"

namespace rerankd {

struct Hedge {
  TimePoint at;  // when the second one goes, if the first has no answer by then
  // What the second one needs to be sent; nullopt: it is not.
  std::function<std::optional<KeyLimits::Slot>()> take_slot;
};

// As AsyncHttpClient::Send(). Of two answers the first that is of use counts (none is: a broken
// connection, 429, 5xx), and the other request is broken off. REQUIRES: `client` outlives it.
void SendHedged(AsyncHttpClient& client, std::shared_ptr<const HttpRequest> request,
                TimePoint deadline, const std::stop_token& stop, Hedge hedge,
                AsyncHttpClient::Done done);

}  // namespace rerankd
