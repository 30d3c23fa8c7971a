// How calls to a hosted model are sent: how long they may take, what is tried again, what is held
// back.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace rerankd {

struct RemoteOptions {
  // ---- one call ----
  // How long it may take, all attempts and waiting included, where its caller would wait longer.
  std::chrono::milliseconds timeout{30'000};
  // How long a connection may take to be made, with TLS.
  std::chrono::milliseconds connect_timeout{3'000};
  // The largest answer, after decompression.
  size_t max_answer_bytes = size_t{8} << 20;
  // PEM, the certificates to trust; empty: the system's.
  std::filesystem::path ca_file;

  // ---- trying again ----
  // How often a call is sent again after failures that may pass; 0: never.
  int max_retries = 2;
  // The pause before the n-th retry is random, up to retry_delay * 2^(n-1), and that up to
  // max_retry_delay. What the provider asks for is waited for in any case.
  std::chrono::milliseconds retry_delay{100};
  std::chrono::milliseconds max_retry_delay{2'000};
  // Retries stop while more than about half as many calls as this have failed lately: each failure
  // takes one away, each success gives a tenth back, and above half of it there are retries. 0:
  // they never stop.
  int retry_budget = 10;
  // Without an answer for so long, a call is sent a second time, and the first answer counts; the
  // provider bills both. 0: never.
  std::chrono::milliseconds hedge_after{0};

  // ---- the circuit breaker ----
  // Open, it refuses calls at once: when of at least breaker_calls in breaker_window
  // breaker_percent or more failed (no connection, no answer in time, 5xx). 0 calls: never.
  int breaker_calls = 20;
  int breaker_percent = 50;
  std::chrono::milliseconds breaker_window{10'000};
  // After so long one call at a time is let through; three successes in a row close it.
  std::chrono::milliseconds breaker_open{5'000};
  // A call that ran out of time counts as failed if the provider had at least so long.
  std::chrono::milliseconds breaker_patience{1'000};

  // ---- how much at once ----
  // Calls that are sent with one key at the same time. 0: no limit.
  size_t max_concurrent_calls = 256;
  // More wait for their turn, in the order of their arrival; past this they are refused. Together
  // less than half of what the server takes on, so that one provider that hangs leaves the rest to
  // other models.
  size_t max_waiting_calls = 128;

  // ---- what one call to the provider cannot do ----
  // A call with more documents than the provider takes is sent as several, rather than refused.
  bool split = false;
  // Names of entries that are asked in turn when this one has no answer.
  std::vector<std::string> fallback;
};

}  // namespace rerankd
