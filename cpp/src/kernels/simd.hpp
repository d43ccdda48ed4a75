// One vector of floats, as wide as the instruction set that includes this file: GCC and Clang's
// vector extensions, so that a kernel is written once. Included by kernels/<isa>/kernels.cpp alone,
// which defines CNNX_VECTOR_FLOATS first, and CNNX_NEON where NEON's own functions may be used
// (compilers have them on for all 64-bit ARM, also in the portable kernels). The anonymous
// namespace gives every instruction set its own copy: no symbol of a kernel object may be shared
// with code that must run everywhere.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>  // functions that are always inlined: no symbols
#elif defined(CNNX_NEON)
#include <arm_neon.h>  // likewise
#endif

namespace cnnx {
namespace {

#define CNNX_INLINE [[gnu::always_inline]] inline

constexpr int64_t kLanes = CNNX_VECTOR_FLOATS;
#if defined(__AVX512F__) || defined(__aarch64__) || defined(_M_ARM64)
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif
typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int32_t IntVec __attribute__((vector_size(kLanes * 4)));
typedef uint32_t BitVec __attribute__((vector_size(kLanes * 4)));
typedef uint64_t WideVec __attribute__((vector_size(kLanes * 4)));
typedef float UnalignedVec __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

CNNX_INLINE Vec load(const float* p) { return *reinterpret_cast<const UnalignedVec*>(p); }
CNNX_INLINE void store(float* p, Vec v) { *reinterpret_cast<UnalignedVec*>(p) = v; }
// x - 0 is x: the compiler makes it one broadcast.
CNNX_INLINE Vec broadcast(float x) { return x - Vec{}; }

// v, but loaded once: the compiler would rather read memory for each use.
CNNX_INLINE Vec in_register(Vec v) {
#if defined(__AVX512F__)
  __asm__("" : "+v"(v));
#elif defined(__SSE2__)
  __asm__("" : "+x"(v));
#elif defined(CNNX_NEON)
  __asm__("" : "+w"(v));
#endif
  return v;
}

// The numbers of the lanes, and v in the first n of them with `rest` in the others.
CNNX_INLINE IntVec lane_numbers() {
  IntVec numbers;
#pragma GCC unroll 16
  for (int32_t i = 0; i < kLanes; ++i) numbers[i] = i;
  return numbers;
}
CNNX_INLINE Vec first_lanes(Vec v, int64_t n, Vec rest = Vec{}) {
  return lane_numbers() < static_cast<int32_t>(n) ? v : rest;
}

// The first n < kLanes floats; the other lanes are 0 (load) or left alone (store).
#if defined(__AVX512F__)
CNNX_INLINE Vec load_part(const float* p, int64_t n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
CNNX_INLINE void store_part(float* p, Vec v, int64_t n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}
#elif defined(__AVX2__)
CNNX_INLINE Vec load_part(const float* p, int64_t n) {
  return _mm256_maskload_ps(p, (__m256i)(lane_numbers() < static_cast<int32_t>(n)));
}
CNNX_INLINE void store_part(float* p, Vec v, int64_t n) {
  _mm256_maskstore_ps(p, (__m256i)(lane_numbers() < static_cast<int32_t>(n)), v);
}
#else
CNNX_INLINE Vec load_part(const float* p, int64_t n) {
  Vec v{};
#pragma GCC unroll 16
  for (int64_t i = 0; i < kLanes; ++i) {
    if (i < n) v[i] = p[i];
  }
  return v;
}
CNNX_INLINE void store_part(float* p, Vec v, int64_t n) {
#pragma GCC unroll 16
  for (int64_t i = 0; i < kLanes; ++i) {
    if (i < n) p[i] = v[i];
  }
}
#endif

// What is left of a row: a whole vector, or the first n of one.
CNNX_INLINE Vec load_upto(const float* p, int64_t n) {
  return n >= kLanes ? load(p) : load_part(p, n);
}
CNNX_INLINE void store_upto(float* p, Vec v, int64_t n) {
  n >= kLanes ? store(p, v) : store_part(p, v, n);
}
CNNX_INLINE IntVec load_upto(const int32_t* p, int64_t n) {
  return (IntVec)load_upto(reinterpret_cast<const float*>(p), n);
}
CNNX_INLINE void store_upto(int32_t* p, IntVec v, int64_t n) {
  store_upto(reinterpret_cast<float*>(p), (Vec)v, n);
}
// The same with `rest` in the lanes past the end.
CNNX_INLINE Vec load_upto(const float* p, int64_t n, Vec rest) {
  return n >= kLanes ? load(p) : first_lanes(load_part(p, n), n, rest);
}

// Whole numbers from 0 to 255 as bytes. GCC takes __builtin_convertvector apart into single lanes.
#if defined(__AVX512F__)
CNNX_INLINE IntVec load_bytes(const uint8_t* p) {
  return (IntVec)_mm512_maskz_cvtepu8_epi32(0xffff,
                                            _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
CNNX_INLINE void store_bytes(uint8_t* p, IntVec v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_maskz_cvtepi32_epi8(0xffff, (__m512i)v));
}
#elif defined(__AVX2__)
CNNX_INLINE IntVec load_bytes(const uint8_t* p) {
  return (IntVec)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
CNNX_INLINE void store_bytes(uint8_t* p, IntVec v) {
  const __m256i whole = (__m256i)v;
  const __m128i words =
      _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
}
#elif defined(CNNX_NEON)
CNNX_INLINE IntVec load_bytes(const uint8_t* p) {
  uint32_t bytes;
  __builtin_memcpy(&bytes, p, 4);
  return (IntVec)vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(bytes))));
}
CNNX_INLINE void store_bytes(uint8_t* p, IntVec v) {
  const uint16x4_t words = vmovn_u32((uint32x4_t)v);
  const uint8x8_t bytes = vmovn_u16(vcombine_u16(words, words));
  const uint32_t low = vget_lane_u32(vreinterpret_u32_u8(bytes), 0);
  __builtin_memcpy(p, &low, 4);
}
#elif defined(__SSE2__)
CNNX_INLINE IntVec load_bytes(const uint8_t* p) {
  int32_t bytes;
  __builtin_memcpy(&bytes, p, 4);
  const __m128i zero = _mm_setzero_si128();
  const __m128i words = _mm_unpacklo_epi8(_mm_cvtsi32_si128(bytes), zero);
  return (IntVec)_mm_unpacklo_epi16(words, zero);
}
CNNX_INLINE void store_bytes(uint8_t* p, IntVec v) {
  const __m128i words = _mm_packs_epi32((__m128i)v, (__m128i)v);
  const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
  __builtin_memcpy(p, &bytes, 4);
}
#else
CNNX_INLINE IntVec load_bytes(const uint8_t* p) {
  IntVec v;
#pragma GCC unroll 16
  for (int64_t i = 0; i < kLanes; ++i) v[i] = p[i];
  return v;
}
CNNX_INLINE void store_bytes(uint8_t* p, IntVec v) {
#pragma GCC unroll 16
  for (int64_t i = 0; i < kLanes; ++i) p[i] = static_cast<uint8_t>(v[i]);
}
#endif
// Up to n of them.
#if defined(__AVX512F__)
CNNX_INLINE IntVec load_bytes_upto(const uint8_t* p, int64_t n) {
  if (n >= kLanes) return load_bytes(p);
  const auto mask = static_cast<__mmask16>((1u << n) - 1);
  return (IntVec)_mm512_maskz_cvtepu8_epi32(0xffff, _mm_maskz_loadu_epi8(mask, p));
}
CNNX_INLINE void store_bytes_upto(uint8_t* p, IntVec v, int64_t n) {
  if (n >= kLanes) {
    store_bytes(p, v);
  } else {
    _mm512_mask_cvtepi32_storeu_epi8(p, static_cast<__mmask16>((1u << n) - 1), (__m512i)v);
  }
}
#else
// Through one 64-bit word, so that what is stored and loaded have the same size.
CNNX_INLINE IntVec load_bytes_upto(const uint8_t* p, int64_t n) {
  if (n >= kLanes) return load_bytes(p);
  uint64_t word = 0;
  if (n >= 4) {  // two halves, which overlap
    uint32_t first, last;
    __builtin_memcpy(&first, p, 4);
    __builtin_memcpy(&last, p + n - 4, 4);
    word = first | static_cast<uint64_t>(last) << (8 * (n - 4));
  } else {
    for (int64_t i = 0; i < n; ++i) word |= static_cast<uint64_t>(p[i]) << (8 * i);
  }
  return load_bytes(reinterpret_cast<const uint8_t*>(&word));
}
CNNX_INLINE void store_bytes_upto(uint8_t* p, IntVec v, int64_t n) {
  if (n >= kLanes) {
    store_bytes(p, v);
    return;
  }
  uint64_t word = 0;
  store_bytes(reinterpret_cast<uint8_t*>(&word), v);
  if (n >= 4) {
    const uint64_t last = word >> (8 * (n - 4));
    __builtin_memcpy(p, &word, 4);
    __builtin_memcpy(p + n - 4, &last, 4);
  } else {
    for (int64_t i = 0; i < n; ++i) p[i] = static_cast<uint8_t>(word >> (8 * i));
  }
}
#endif

// Lane i is lane index[i] of low and high, one after the other.
#if defined(__AVX512F__)
CNNX_INLINE Vec permute(Vec low, Vec high, IntVec index) {
  return _mm512_permutex2var_ps(low, (__m512i)index, high);
}
#elif defined(__AVX2__)
CNNX_INLINE Vec permute(Vec low, Vec high, IntVec index) {
  const Vec of_low = _mm256_permutevar8x32_ps(low, (__m256i)index);
  const Vec of_high = _mm256_permutevar8x32_ps(high, (__m256i)index);
  return index < static_cast<int32_t>(kLanes) ? of_low : of_high;
}
#elif defined(CNNX_NEON)
CNNX_INLINE Vec permute(Vec low, Vec high, IntVec index) {
  const uint8x16x2_t table = {{(uint8x16_t)low, (uint8x16_t)high}};
  return (Vec)vqtbl2q_u8(table, (uint8x16_t)(index * 0x04040404 + 0x03020100));  // bytes of a float
}
#else
CNNX_INLINE Vec permute(Vec low, Vec high, IntVec index) {
  float lanes[2 * kLanes];
  store(lanes, low);
  store(lanes + kLanes, high);
  Vec v;
#pragma GCC unroll 16
  for (int64_t i = 0; i < kLanes; ++i) v[i] = lanes[index[i]];
  return v;
}
#endif

#if defined(__AVX512F__)
// The plain form warns of an uninitialised value in GCC 12's own header.
CNNX_INLINE Vec sqrt(Vec v) { return _mm512_maskz_sqrt_ps(0xffff, v); }
#elif defined(__AVX2__)
CNNX_INLINE Vec sqrt(Vec v) { return _mm256_sqrt_ps(v); }
#elif defined(__SSE2__)
CNNX_INLINE Vec sqrt(Vec v) { return _mm_sqrt_ps(v); }
#elif defined(CNNX_NEON)
CNNX_INLINE Vec sqrt(Vec v) { return (Vec)vsqrtq_f32((float32x4_t)v); }
#else
CNNX_INLINE Vec sqrt(Vec v) {
  for (int64_t i = 0; i < kLanes; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
}
#endif

// v, at least low and at most high; NaN stays.
#if defined(__AVX512F__)
CNNX_INLINE Vec bounded(Vec v, float low, float high) {
  return _mm512_maskz_min_ps(0xffff, broadcast(high),
                             _mm512_maskz_max_ps(0xffff, broadcast(low), v));
}
#elif defined(__AVX2__)
CNNX_INLINE Vec bounded(Vec v, float low, float high) {
  return _mm256_min_ps(broadcast(high), _mm256_max_ps(broadcast(low), v));
}
#elif defined(CNNX_NEON)
CNNX_INLINE Vec bounded(Vec v, float low, float high) {
  return (Vec)vminq_f32(vdupq_n_f32(high), vmaxq_f32(vdupq_n_f32(low), (float32x4_t)v));
}
#else
CNNX_INLINE Vec bounded(Vec v, float low, float high) {
  const Vec above = v < low ? broadcast(low) : v;
  return above > high ? broadcast(high) : above;
}
#endif

// The 64-bit products of the lanes' lower 32 bits.
#if defined(__AVX512F__)
CNNX_INLINE WideVec multiply_low_halves(WideVec a, WideVec b) {
  return (WideVec)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
}
#elif defined(__AVX2__)
CNNX_INLINE WideVec multiply_low_halves(WideVec a, WideVec b) {
  return (WideVec)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
#elif defined(__SSE2__)
CNNX_INLINE WideVec multiply_low_halves(WideVec a, WideVec b) {
  return (WideVec)_mm_mul_epu32((__m128i)a, (__m128i)b);
}
#elif defined(CNNX_NEON)
CNNX_INLINE WideVec multiply_low_halves(WideVec a, WideVec b) {
  return (WideVec)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
}
#else
CNNX_INLINE WideVec multiply_low_halves(WideVec a, WideVec b) {
  return (a & 0xffffffff) * (b & 0xffffffff);
}
#endif

// Over all lanes, in halves.
CNNX_INLINE float horizontal_sum(Vec v) {
#pragma GCC unroll 4
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int64_t i = 0; i < half; ++i) v[i] += v[i + half];
  }
  return v[0];
}
CNNX_INLINE float horizontal_max(Vec v) {
#pragma GCC unroll 4
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int64_t i = 0; i < half; ++i) v[i] = v[i] > v[i + half] ? v[i] : v[i + half];
  }
  return v[0];
}

}  // namespace
}  // namespace cnnx
