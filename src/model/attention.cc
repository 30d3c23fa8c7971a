#include "model/attention.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

namespace rerankd {

#if defined(__x86_64__)
// attention_avx2.cc, attention_avx512.cc
void AttendHeadAvx2(const HeadArguments<float>& head);
void AttendHeadAvx2(const HeadArguments<Bf16>& head);
void AttendHeadAvx512(const HeadArguments<float>& head);
void AttendHeadAvx512(const HeadArguments<Bf16>& head);
#endif

namespace {

std::vector<AttentionKernel> FindKernels() {
  std::vector<AttentionKernel> kernels;
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    kernels.push_back({"avx512", AttendHeadAvx512, AttendHeadAvx512});
  }
  if (avx2) kernels.push_back({"avx2", AttendHeadAvx2, AttendHeadAvx2});
#endif
  kernels.push_back({"baseline", AttendHead<4, float>, AttendHead<4, Bf16>});
  return kernels;
}

template <typename T>
void AttendAll(const at::Tensor& query, std::span<const int64_t> query_offsets,
               const at::Tensor& key, const at::Tensor& value, std::span<const int64_t> offsets,
               int64_t heads, at::Tensor& output, void (*attend_head)(const HeadArguments<T>&)) {
  const auto sequences = static_cast<int64_t>(offsets.size()) - 1;
  const int64_t dim = query.size(1) / heads;
  int64_t longest = 0;
  for (int64_t i = 0; i < sequences; ++i) longest = std::max(longest, offsets[i + 1] - offsets[i]);

  const auto* queries = static_cast<const T*>(query.const_data_ptr());
  const auto* keys = static_cast<const T*>(key.const_data_ptr());
  const auto* values = static_cast<const T*>(value.const_data_ptr());
  auto* outputs = static_cast<T*>(output.mutable_data_ptr());
  at::parallel_for(0, sequences * heads, 1, [&](int64_t begin, int64_t end) {
    const auto scratch = std::make_unique_for_overwrite<float[]>(
        AttentionScratch(static_cast<size_t>(longest), static_cast<size_t>(dim)));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t sequence = i / heads;
      const int64_t column = i % heads * dim;
      const int64_t first_key = offsets[sequence];
      const int64_t first_query = query_offsets[sequence];
      attend_head({
          .query = queries + first_query * query.stride(0) + column,
          .key = keys + first_key * key.stride(0) + column,
          .value = values + first_key * value.stride(0) + column,
          .output = outputs + first_query * output.stride(0) + column,
          .query_stride = static_cast<size_t>(query.stride(0)),
          .key_stride = static_cast<size_t>(key.stride(0)),
          .value_stride = static_cast<size_t>(value.stride(0)),
          .output_stride = static_cast<size_t>(output.stride(0)),
          .queries = static_cast<size_t>(query_offsets[sequence + 1] - first_query),
          .keys = static_cast<size_t>(offsets[sequence + 1] - first_key),
          .dim = static_cast<size_t>(dim),
          .scale = 1.0F / std::sqrt(static_cast<float>(dim)),
          .scratch = scratch.get(),
      });
    }
  });
}

}  // namespace

std::span<const AttentionKernel> AttentionKernels() {
  static const std::vector<AttentionKernel> kernels = FindKernels();
  return kernels;
}

at::Tensor Attend(const at::Tensor& query, std::span<const int64_t> query_offsets,
                  const at::Tensor& key, const at::Tensor& value, std::span<const int64_t> offsets,
                  int64_t heads, const AttentionKernel& kernel) {
  at::Tensor output = at::empty({query.size(0), query.size(1)}, query.options());
  const int64_t attended = query_offsets.back();
  if (attended < output.size(0)) output.narrow(0, attended, output.size(0) - attended).zero_();
  if (query.scalar_type() == at::kBFloat16) {
    AttendAll<Bf16>(query, query_offsets, key, value, offsets, heads, output, kernel.bf16);
  } else {
    AttendAll<float>(query, query_offsets, key, value, offsets, heads, output, kernel.fp32);
  }
  return output;
}

}  // namespace rerankd
