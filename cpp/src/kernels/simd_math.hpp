// Elementary functions of a vector, with a relative error of at most 2e-7. NaN passes through;
// results below the smallest normal number are 0.
#pragma once

#include "kernels/simd.hpp"

namespace cnnx {
namespace {

CNNX_INLINE Vec abs(Vec x) { return (Vec)((IntVec)x & 0x7fffffff); }
CNNX_INLINE Vec max(Vec x, Vec y) { return x > y ? x : y; }
CNNX_INLINE Vec relu(Vec x) { return x <= 0.0f ? Vec{} : x; }  // NaN stays
constexpr float kMostRelu6 = 6.0f;
CNNX_INLINE Vec relu6(Vec x) {
  const Vec y = relu(x);
  return y > kMostRelu6 ? broadcast(kMostRelu6) : y;
}
// The logarithms of the least normal number and of nearly the largest, so that rounding up stays in
// the range.
constexpr float kLeastExponent = -87.336544f, kMostExponent = 88.7228f;

// x = n ln 2 + r. ln 2 is split in two so that n times its first part is exact.
struct ExpArgument {
  Vec rounded, r;  // n in the low bits

  CNNX_INLINE explicit ExpArgument(Vec x) {
    constexpr float kRound = 12582912.0f;  // adding 1.5 * 2^23 rounds to a whole number
    rounded = x * 1.44269504f + kRound;
    const Vec n = rounded - kRound;
    r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  }
  CNNX_INLINE BitVec exponent() const { return (BitVec)rounded << 23; }
  // (e^r - 1 - r) / r^2: with it, e^r has a relative error of 4e-9 at most.
  CNNX_INLINE Vec quadratic() const {
    Vec p = r * 1.3814539416e-3f + 8.3687454462e-3f;
    p = p * r + 4.1668388993e-2f;
    p = p * r + 1.6666521132e-1f;
    return p * r + 4.9999994040e-1f;
  }
};

// For x in that range; 2^n is added to the exponent.
CNNX_INLINE Vec exp_in_range(Vec x) {
  const ExpArgument argument(x);
  const Vec p = (argument.quadratic() * argument.r + 1.0f) * argument.r + 1.0f;
  return (Vec)((BitVec)p + argument.exponent());
}

CNNX_INLINE Vec exp(Vec x) {
  const Vec bounded = x <= kMostExponent ? exp_in_range(x) : x + __builtin_inff();
  return x < kLeastExponent ? Vec{} : bounded;
}

// Cephes' logf for normal x > 0: x = 2^n m with m in [sqrt(1/2), sqrt(2)), log m by a polynomial
// in m - 1.
CNNX_INLINE Vec log(Vec x) {
  constexpr int32_t kSqrtHalf = 0x3f3504f3;             // the bits of sqrt(1/2)
  const IntVec bits = (IntVec)((BitVec)x - kSqrtHalf);  // unsigned: wraps for x < 0
  const Vec n = __builtin_convertvector(bits >> 23, Vec);
  const Vec f = (Vec)((bits & 0x007fffff) + kSqrtHalf) - 1.0f;
  Vec p = f * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const Vec square = f * f;
  const Vec small = p * f * square - n * 2.12194440e-4f - square * 0.5f;
  return x == x ? (f + small) + n * 0.693359375f : x;
}

// log(1 + x) for -1 < x <= 1, where rounding 1 + x would lose a small x.
CNNX_INLINE Vec log1p(Vec x) {
  const Vec sum = x + 1.0f;
  const Vec lost = x - (sum - 1.0f);
  return log(sum) + lost / sum;
}

// Where e^-x leaves the range, the sum rounds to 1, or the quotient to 0.
CNNX_INLINE Vec sigmoid(Vec x) {
  return 1.0f / (exp_in_range(bounded(-x, kLeastExponent, kMostExponent)) + 1.0f);
}

// Cephes' tanhf: tanh x - x as an odd polynomial near 0, where the other form cancels.
constexpr float kNearTanh = 0.625f;
CNNX_INLINE Vec tanh_beyond_linear(Vec x) {
  const Vec square = x * x;
  Vec p = square * -5.70498872745e-3f + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  return p * square * x;
}
CNNX_INLINE Vec tanh(Vec x) {
  const Vec size = abs(x);
  const Vec near = tanh_beyond_linear(x) + x;
  const Vec far = 1.0f - 2.0f / (exp_in_range(bounded(size + size, 0.0f, 40.0f)) + 1.0f);
  const Vec signed_far = (Vec)((IntVec)far | ((IntVec)x & (IntVec)broadcast(-0.0f)));
  return size < kNearTanh ? near : signed_far;
}

// e^x - 1 for x <= 0, where e^x would swallow a small x: 2^n (e^r - 1) + (2^n - 1).
CNNX_INLINE Vec expm1_below_zero(Vec x) {
  const ExpArgument argument(bounded(x, -20.0f, 0.0f));
  const Vec power = (Vec)((BitVec)broadcast(1.0f) + argument.exponent());
  const Vec rest = argument.quadratic() * (argument.r * argument.r) + argument.r;
  return rest * power + (power - 1.0f);
}

// For |x| <= pi / 2: an odd polynomial.
CNNX_INLINE Vec sin(Vec x) {
  const Vec square = x * x;
  Vec p = square * 2.6057804947e-6f - 1.9809602839e-4f;
  p = p * square + 8.3330662453e-3f;
  p = p * square - 1.6666659550e-1f;
  return p * square * x + x;
}

// Cephes' atanf: an odd polynomial below tan(pi / 8); above, the angle left to pi / 4 or pi / 2.
CNNX_INLINE Vec arctan(Vec x) {
  const Vec size = abs(x);
  const IntVec middle = size > 0.414213562f, far = size > 2.41421356f;
  const Vec above = far ? broadcast(1.57079633f) : broadcast(0.785398163f);
  const Vec start = middle ? above : Vec{};
  const Vec over = far ? broadcast(-1.0f) : size - 1.0f;
  const Vec under = far ? size : size + 1.0f;
  const Vec left = middle ? over / under : size;
  const Vec square = left * left;
  Vec p = square * 8.05374449538e-2f - 1.38776856032e-1f;
  p = p * square + 1.99777106478e-1f;
  p = p * square - 3.33329491539e-1f;
  const Vec angle = start + (p * square * left + left);
  return (Vec)((IntVec)angle | ((IntVec)x & (IntVec)broadcast(-0.0f)));
}

// The probability that a standard normal number is less than x. log P(-x) + x^2 / 2 - log t is
// a polynomial in t = 1 / (1 + 0.4 x), off by 1e-7 at most. The form of the fit is that of Press
// et al., "Numerical Recipes", section 6.2: it keeps the relative error of the tail small.
constexpr float kFarNormal = 15.0f;  // where the density and the tail are 0
CNNX_INLINE Vec normal_probability(Vec x) {
  const Vec distance = bounded(abs(x), 0.0f, kFarNormal);
  const Vec t = 1.0f / (distance * 0.4f + 1.0f);
  Vec p = t * 0.19179307f - 0.981641125f;
  p = p * t + 1.96064132f;
  p = p * t - 1.76482423f;
  p = p * t + 0.551120001f;
  p = p * t - 0.185107215f;
  p = p * t + 0.373005092f;
  p = p * t + 0.996978762f;
  p = p * t - 1.83511277f;
  const Vec tail = t * exp(p - distance * distance * 0.5f);
  return x > 0.0f ? 1.0f - tail : tail;
}

}  // namespace
}  // namespace cnnx
