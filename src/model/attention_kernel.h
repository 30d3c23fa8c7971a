// Attention of some queries of one head over all rows of one sequence, in plain C++ on vectors of W
// floats. attention_avx2.cc and attention_avx512.cc compile it for their processors.
//
// Both products are the same small loop: up to six rows of the left side against a stripe of the
// right one, everything in registers. Keys are transposed and values copied once for a head, so the
// stripe is contiguous and bf16 is widened on the way; arithmetic is fp32 throughout.
//
// Everything is a template on W: the same function compiled twice for different processors under
// one name would be merged by the linker, and fail on the older one. For the same reason nothing of
// the standard library is called here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rerankd {

// Strides and sizes in elements.
template <typename T>
struct HeadArguments {
  const T* query;  // [queries, dim]
  const T* key;    // [keys, dim]
  const T* value;  // [keys, dim]
  T* output;       // [queries, dim]
  size_t query_stride;
  size_t key_stride;
  size_t value_stride;
  size_t output_stride;
  size_t queries;
  size_t keys;
  size_t dim;
  float scale;     // of the products of queries and keys
  float* scratch;  // AttentionScratch(keys, dim) floats
};

inline constexpr size_t kAttentionRows = 6;  // 6 x 2 sums, 2 columns, 1 row: 15 registers
inline constexpr size_t kAttentionMaxLanes = 16;

// static: a copy of its own for each file, see above.
static inline size_t AttentionScratch(size_t keys, size_t dim) {
  const size_t padded_keys = keys + kAttentionMaxLanes;
  const size_t padded_dim = dim + kAttentionMaxLanes;
  return dim * padded_keys + keys * padded_dim + kAttentionRows * (dim + padded_keys + padded_dim);
}

// bf16 as its bits.
struct Bf16 {
  uint16_t bits;
};

namespace attention_internal {

template <size_t W>
struct Vector {
  typedef float Floats __attribute__((vector_size(W * sizeof(float))));
  typedef int32_t Ints __attribute__((vector_size(W * sizeof(float))));
};
template <size_t W>
using Floats = typename Vector<W>::Floats;

template <size_t W>
inline Floats<W> Load(const float* from) {
  Floats<W> vector;
  __builtin_memcpy(&vector, from, sizeof(vector));
  return vector;
}

template <size_t W>
inline void Store(float* to, Floats<W> vector) {
  __builtin_memcpy(to, &vector, sizeof(vector));
}

template <size_t W>
inline float Widen(float value) {
  return value;
}

template <size_t W>
inline float Widen(Bf16 value) {
  const uint32_t bits = uint32_t{value.bits} << 16;
  float result;
  __builtin_memcpy(&result, &bits, sizeof(result));
  return result;
}

template <size_t W>
inline void Narrow(float value, float* to) {
  *to = value;
}

// Rounds to the nearest, ties to even; NaN stays NaN.
template <size_t W>
inline void Narrow(float value, Bf16* to) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  to->bits = value != value ? uint16_t{0x7fc0}
                            : static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// e^x for x <= 0, within a relative 3e-7; 0 below e^-87, where fp32 runs out of exponents.
template <size_t W>
inline Floats<W> ExpOfNegative(Floats<W> x) {
  constexpr float kSmallest = -87.0F;
  constexpr float kRounder = 12582912.0F;   // 1.5 * 2^23: adding it leaves no room for a fraction
  constexpr float kLn2High = 0.693359375F;  // few bits: a product with a small integer is exact
  constexpr float kLn2Low = -2.12194440e-4F;
  const auto vanishes = x < kSmallest;  // not NaN, which stays NaN
  x = vanishes ? Floats<W>{} + kSmallest : x;
  const Floats<W> exponent = (x * 1.44269504F + kRounder) - kRounder;
  const Floats<W> rest = (x - exponent * kLn2High) - exponent * kLn2Low;  // |rest| <= ln(2) / 2
  // The first terms of the series of e^rest; the next one is below 6e-9.
  Floats<W> sum = Floats<W>{} + 1.0F / 5040;
  sum = sum * rest + 1.0F / 720;
  sum = sum * rest + 1.0F / 120;
  sum = sum * rest + 1.0F / 24;
  sum = sum * rest + 1.0F / 6;
  sum = sum * rest + 0.5F;
  sum = sum * rest + 1.0F;
  sum = sum * rest + 1.0F;
  const auto power = (__builtin_convertvector(exponent, typename Vector<W>::Ints) + 127) << 23;
  Floats<W> two_to_exponent;
  __builtin_memcpy(&two_to_exponent, &power, sizeof(two_to_exponent));
  return vanishes ? Floats<W>{} : sum * two_to_exponent;
}

// to[R][V * W] = from[R][depth] * columns[depth][V * W]
template <size_t W, size_t R, size_t V>
inline void MultiplyTile(const float* from, size_t from_stride, const float* columns,
                         size_t columns_stride, size_t depth, float* to, size_t to_stride) {
  Floats<W> sums[R][V] = {};
  for (size_t k = 0; k < depth; ++k) {
    Floats<W> column[V];
    for (size_t v = 0; v < V; ++v) column[v] = Load<W>(columns + k * columns_stride + v * W);
    for (size_t r = 0; r < R; ++r) {
      const float factor = from[r * from_stride + k];
      for (size_t v = 0; v < V; ++v) sums[r][v] += factor * column[v];
    }
  }
  for (size_t r = 0; r < R; ++r) {
    for (size_t v = 0; v < V; ++v) Store<W>(to + r * to_stride + v * W, sums[r][v]);
  }
}

// to[R][width] = from[R][depth] * columns[depth][width]; width is a multiple of W.
template <size_t W, size_t R>
inline void MultiplyRows(const float* from, size_t from_stride, const float* columns, size_t width,
                         size_t depth, float* to) {
  size_t at = 0;
  for (; at + 2 * W <= width; at += 2 * W) {
    MultiplyTile<W, R, 2>(from, from_stride, columns + at, width, depth, to + at, width);
  }
  if (at < width) {
    MultiplyTile<W, R, 1>(from, from_stride, columns + at, width, depth, to + at, width);
  }
}

template <size_t W>
inline void Multiply(size_t rows, const float* from, size_t from_stride, const float* columns,
                     size_t width, size_t depth, float* to) {
  switch (rows) {
    case 1:
      return MultiplyRows<W, 1>(from, from_stride, columns, width, depth, to);
    case 2:
      return MultiplyRows<W, 2>(from, from_stride, columns, width, depth, to);
    case 3:
      return MultiplyRows<W, 3>(from, from_stride, columns, width, depth, to);
    case 4:
      return MultiplyRows<W, 4>(from, from_stride, columns, width, depth, to);
    case 5:
      return MultiplyRows<W, 5>(from, from_stride, columns, width, depth, to);
    default:
      return MultiplyRows<W, kAttentionRows>(from, from_stride, columns, width, depth, to);
  }
}

// Replaces `row` by e^(row - its maximum) and returns the sum. What lies from `size` to `padded`, a
// multiple of W, is overwritten with what adds nothing to the sum.
template <size_t W>
inline float ExponentiateRow(float* row, size_t size, size_t padded) {
  for (size_t i = size; i < padded; ++i) row[i] = -3.0e38F;
  Floats<W> maxima = Load<W>(row);
  for (size_t i = W; i < padded; i += W) {
    const Floats<W> next = Load<W>(row + i);
    maxima = next > maxima ? next : maxima;
  }
  float maximum = maxima[0];
  for (size_t lane = 1; lane < W; ++lane) maximum = maxima[lane] > maximum ? maxima[lane] : maximum;
  Floats<W> sums = {};
  for (size_t i = 0; i < padded; i += W) {
    const Floats<W> power = ExpOfNegative<W>(Load<W>(row + i) - maximum);
    Store<W>(row + i, power);
    sums += power;
  }
  float sum = 0;
  for (size_t lane = 0; lane < W; ++lane) sum += sums[lane];
  return sum;
}

}  // namespace attention_internal

template <size_t W, typename T>
void AttendHead(const HeadArguments<T>& arguments) {
  namespace in = attention_internal;
  const HeadArguments<T> head = arguments;  // a copy that no store to a float can change
  const size_t padded_keys = (head.keys + W - 1) / W * W;
  const size_t padded_dim = (head.dim + W - 1) / W * W;
  float* keys = head.scratch;                            // [dim, padded_keys]
  float* values = keys + head.dim * padded_keys;         // [keys, padded_dim]
  float* queries = values + head.keys * padded_dim;      // [rows, dim], scaled
  float* weights = queries + kAttentionRows * head.dim;  // [rows, padded_keys]
  float* sums = weights + kAttentionRows * padded_keys;  // [rows, padded_dim]

  for (size_t first = 0; first < padded_keys; first += W) {
    const size_t there = head.keys - first < W ? head.keys - first : W;
    for (size_t c = 0; c < head.dim; ++c) {
      const T* from = head.key + first * head.key_stride + c;
      float* to = keys + c * padded_keys + first;
      if (there == W) {  // a number known to the compiler
        for (size_t k = 0; k < W; ++k) to[k] = in::Widen<W>(from[k * head.key_stride]);
      } else {
        for (size_t k = 0; k < W; ++k)
          to[k] = k < there ? in::Widen<W>(from[k * head.key_stride]) : 0;
      }
    }
  }
  for (size_t k = 0; k < head.keys; ++k) {
    const T* from = head.value + k * head.value_stride;
    float* to = values + k * padded_dim;
    for (size_t c = 0; c < head.dim; ++c) to[c] = in::Widen<W>(from[c]);
    for (size_t c = head.dim; c < padded_dim; ++c) to[c] = 0;
  }

  for (size_t first = 0; first < head.queries; first += kAttentionRows) {
    const size_t rows =
        head.queries - first < kAttentionRows ? head.queries - first : kAttentionRows;
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < head.dim; ++c) {
        queries[r * head.dim + c] =
            in::Widen<W>(head.query[(first + r) * head.query_stride + c]) * head.scale;
      }
    }
    in::Multiply<W>(rows, queries, head.dim, keys, padded_keys, head.dim, weights);
    float inverse[kAttentionRows];
    for (size_t r = 0; r < rows; ++r) {
      inverse[r] = 1.0F / in::ExponentiateRow<W>(weights + r * padded_keys, head.keys, padded_keys);
    }
    in::Multiply<W>(rows, weights, padded_keys, values, padded_dim, head.keys, sums);
    for (size_t r = 0; r < rows; ++r) {
      T* output = head.output + (first + r) * head.output_stride;
      for (size_t c = 0; c < head.dim; ++c) {
        in::Narrow<W>(sums[r * padded_dim + c] * inverse[r], output + c);
      }
    }
  }
}

}  // namespace rerankd
