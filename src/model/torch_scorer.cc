#include "model/torch_scorer.h"

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include "model/device.h"
#include "model/packed_batch.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// oneDNN generates code for each new number of rows and keeps it (0.1 MiB a product in fp32, 0.6 in
// bf16). Rounding up makes numbers recur: what is added costs less than the code would. Numbers
// above MaxRowsAtOnce() need no coarser step, since products are cut there.
int64_t RoundUpRows(int64_t rows) {
  const int64_t step = rows <= 256 ? 16 : 32;
  return (rows + step - 1) / step * step;
}

PackedBatch Pack(std::span<const Encoding* const> sequences) {
  PackedBatch batch;
  batch.offsets.reserve(sequences.size() + 1);
  batch.offsets.push_back(0);
  for (const Encoding* sequence : sequences) {
    batch.offsets.push_back(batch.offsets.back() + static_cast<int64_t>(sequence->ids.size()));
  }
  const int64_t rows = RoundUpRows(batch.offsets.back());
  batch.ids = at::zeros({rows}, at::kInt);
  batch.type_ids = at::zeros({rows}, at::kInt);
  batch.positions = at::zeros({rows}, at::kInt);
  for (size_t i = 0; i < sequences.size(); ++i) {
    const Encoding& sequence = *sequences[i];
    const int64_t first = batch.offsets[i];
    std::copy(sequence.ids.begin(), sequence.ids.end(), batch.ids.data_ptr<int32_t>() + first);
    std::copy(sequence.type_ids.begin(), sequence.type_ids.end(),
              batch.type_ids.data_ptr<int32_t>() + first);
    std::iota(batch.positions.data_ptr<int32_t>() + first,
              batch.positions.data_ptr<int32_t>() + batch.offsets[i + 1], 0);
  }
  return batch;
}

bool AllBelow(const std::vector<int32_t>& values, int64_t bound) {
  return std::all_of(values.begin(), values.end(),
                     [bound](int32_t value) { return value >= 0 && value < bound; });
}

// For the log; LibTorch appends notes.
std::string FirstLine(std::string_view message) {
  return std::string(message.substr(0, message.find('\n')));
}

absl::Status StatusOfMessage(std::string_view message) {
  const std::string line = FirstLine(message);
  // LibTorch's general error, which nothing but its text tells apart: of its CPU allocator, of
  // CUDA's own allocations and of cuBLAS's.
  for (const char* text :
       {"can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED"}) {
    if (line.find(text) != std::string::npos) {
      return absl::ResourceExhaustedError("out of memory: " + line);
    }
  }
  return absl::InternalError("LibTorch: " + line);
}

}  // namespace

absl::Status CurrentTorchError() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const c10::OutOfMemoryError& error) {  // a GPU's
    return absl::ResourceExhaustedError("out of memory: " +
                                        FirstLine(error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    return StatusOfMessage(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return StatusOfMessage(error.what());
  } catch (...) {
    return absl::InternalError("LibTorch: an exception of unknown type");
  }
}

TorchScorer::TorchScorer(std::shared_ptr<const Architecture> network, Limits limits,
                         c10::Device device, int threads_per_session)
    : network_(std::move(network)),
      limits_(limits),
      device_(device),
      threads_per_session_(threads_per_session) {}

absl::Status TorchScorer::Check(std::span<const Encoding* const> batch) const {
  for (size_t i = 0; i < batch.size(); ++i) {
    const Encoding& sequence = *batch[i];
    const auto length = static_cast<int64_t>(sequence.ids.size());
    if (length < 1 || length > limits_.max_tokens) {
      return absl::InternalError(fmt::format("sequence {} has {} tokens; the model reads 1 to {}",
                                             i, length, limits_.max_tokens));
    }
    if (sequence.type_ids.size() != sequence.ids.size()) {
      return absl::InternalError(fmt::format("sequence {} has {} tokens, but {} type ids", i,
                                             length, sequence.type_ids.size()));
    }
    if (!AllBelow(sequence.ids, limits_.vocab_size)) {
      return absl::InternalError(
          fmt::format("sequence {} has a token id outside the model's vocabulary of {}", i,
                      limits_.vocab_size));
    }
    if (limits_.type_vocab_size > 0 && !AllBelow(sequence.type_ids, limits_.type_vocab_size)) {
      return absl::InternalError(fmt::format(
          "sequence {} has a type id outside the {} of the model", i, limits_.type_vocab_size));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> TorchScorer::Score(std::span<const Encoding* const> batch) {
  if (batch.empty()) return std::vector<float>();
  RERANKD_RETURN_IF_ERROR(Check(batch));
  try {
    const c10::InferenceMode guard;
    const at::Tensor scores = network_->Forward(Pack(batch)).to(at::kCPU).contiguous();
    // Not the typed const_data_ptr(): clang and a g++-built LibTorch disagree about its name.
    const auto* first = static_cast<const float*>(scores.const_data_ptr());
    return std::vector<float>(first, first + scores.numel());
  } catch (...) {
    return CurrentTorchError();
  }
}

void TorchScorer::PrepareThread() {
  // The number belongs to the thread, but a thread's first use of LibTorch sets it to what any
  // thread set last: that first use has to come before.
  at::get_num_threads();
  at::set_num_threads(threads_per_session_);
  UseOwnStream(device_);
}

}  // namespace rerankd
