#include "cnnx/norm.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"

namespace cnnx {
namespace {

constexpr int64_t kParts = 64;
constexpr int64_t kBlock = 512;  // floats that are added up in float32

using SumKernel = float (*)(int64_t n, const float* src);

double sum_in_parts(SumKernel kernel, int64_t n, const float* src) {
  std::array<double, kParts> sums{};
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  parallel_for(threads_for_rows(blocks, kBlock), kParts, [&](int64_t first, int64_t last, int) {
    for (int64_t part = first; part < last; ++part) {
      for (int64_t b = blocks * part / kParts; b < blocks * (part + 1) / kParts; ++b) {
        sums[static_cast<size_t>(part)] +=
            kernel(std::min(kBlock, n - b * kBlock), src + b * kBlock);
      }
    }
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

double sum_of_magnitudes(int64_t n, const float* src) {
  return sum_in_parts(kernels().norm.sum_of_magnitudes, n, src);
}

double sum_of_squares(int64_t n, const float* src) {
  return sum_in_parts(kernels().norm.sum_of_squares, n, src);
}

void penalty_backward(int64_t n, float l1, float l2, float scale, const float* src,
                      float* diff_src) {
  const auto kernel = kernels().norm.add_penalty_gradient;
  parallel_for(threads_for(n, kElementwiseGrain), n, [&](int64_t begin, int64_t end, int) {
    kernel(end - begin, scale * l1, scale * 2.0f * l2, src + begin, diff_src + begin);
  });
}

void limit_norms(int64_t outer, int64_t reduced, int64_t inner, const NormLimits& limits,
                 float* array) {
  constexpr int64_t kColumns = 64;  // whose sums lie on the stack
  const int64_t strips = (inner + kColumns - 1) / kColumns;
  const auto limit_strip = [&](int64_t strip) {
    const int64_t first = strip % strips * kColumns;
    const int64_t columns = std::min(kColumns, inner - first);
    float* const top = array + strip / strips * reduced * inner + first;
    std::array<double, kColumns> squares{};
    for (int64_t row = 0; row < reduced; ++row) {
      for (int64_t c = 0; c < columns; ++c) {
        const double x = top[row * inner + c];
        squares[static_cast<size_t>(c)] += x * x;
      }
    }
    std::array<float, kColumns> factors;
    for (int64_t c = 0; c < columns; ++c) {
      const auto norm = static_cast<float>(std::sqrt(squares[static_cast<size_t>(c)]));
      const float within = std::clamp(norm, limits.least, limits.most);
      factors[static_cast<size_t>(c)] =
          (limits.rate * within + (1.0f - limits.rate) * norm) / (norm + limits.epsilon);
    }
    for (int64_t row = 0; row < reduced; ++row) {
      for (int64_t c = 0; c < columns; ++c) {
        top[row * inner + c] *= factors[static_cast<size_t>(c)];
      }
    }
  };
  parallel_for(threads_for_rows(outer * strips, reduced * std::min(inner, kColumns)),
               outer * strips, [&](int64_t begin, int64_t end, int) {
                 for (int64_t strip = begin; strip < end; ++strip) limit_strip(strip);
               });
}

}  // namespace cnnx
