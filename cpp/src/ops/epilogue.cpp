#include "ops/epilogue.hpp"

#include <algorithm>

#include "kernels/kernel_table.hpp"
#include "ops/activation.hpp"

namespace cnnx {
namespace {

constexpr int64_t kBlock = 2048;  // outputs that stay in L1 until they are activated

void activate(const Epilogue& epilogue, int64_t n, int64_t first, float* dst) {
  if (epilogue.activation == Activation::relu && epilogue.codes != nullptr) {
    kernels().pool2x2.rectify(n, dst + first, epilogue.codes + first);
  } else if (epilogue.activation != Activation::linear) {
    ActivationCall(epilogue.activation).forward(n, dst + first, dst + first);
  }
}

}  // namespace

void pool_rows(const Epilogue& epilogue, int64_t window_rows, int64_t windows, int64_t c,
               const float* rows, int64_t first, float* dst) {
  const int64_t row = 2 * windows * c;
  const auto [range, rest] = clipping(epilogue);
  // A pair is a square whose rows are one.
  const int64_t below = epilogue.pool == Pooling::squares ? row : 0;
  for (int64_t i = 0; i < window_rows; ++i, rows += below + row, first += windows * c) {
    uint8_t* const codes = epilogue.codes == nullptr ? nullptr : epilogue.codes + first;
    kernels().pool2x2.forward(windows, c, rows, rows + below, c, dst + first, codes, c, range);
    finish(rest, windows * c, first, dst);
  }
}

void finish(const Epilogue& epilogue, int64_t n, int64_t first, float* dst) {
  if (epilogue.addend == nullptr) {
    activate(epilogue, n, first, dst);
    return;
  }
  for (const int64_t end = first + n; first < end; first += kBlock) {
    const int64_t count = std::min(kBlock, end - first);
    kernels().merging.add(count, dst + first, epilogue.addend + first, dst + first);
    activate(epilogue, count, first, dst);
  }
}

Clipping clipping(const Epilogue& epilogue) {
  Clipping result{{}, epilogue};
  const Activation activation = epilogue.activation;
  const bool clips = activation == Activation::relu || activation == Activation::relu6;
  if (!clips || epilogue.addend != nullptr || epilogue.codes != nullptr) return result;
  result.range.least = 0.0f;
  if (activation == Activation::relu6) result.range.most = 6.0f;
  result.rest.activation = Activation::linear;
  return result;
}

Epilogue after_addition(Epilogue epilogue) {
  epilogue.addend = nullptr;
  return epilogue;
}

bool is_finished(const Epilogue& epilogue) {
  return epilogue.addend == nullptr && epilogue.activation == Activation::linear;
}

}  // namespace cnnx
