#include "cnnx/resample2d.hpp"

#include <algorithm>

#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

// out[i] += share in[i]
void add(int64_t n, float share, const float* in, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] += share * in[i];
}

float sum_of_shares(const PixelShares& axis, int64_t i) {
  const float* const shares = axis.shares + i * axis.taps;
  float sum = 0.0f;
  for (int64_t t = 0; t < axis.taps; ++t) sum += shares[t];
  return sum;
}

// A row of dst from the mixed rows of src. kChannels is 0 where their number is not known.
template <int64_t kChannels>
void mix_columns(const Resample2dDims& d, const PixelShares& columns, const float* mixed,
                 float* out) {
  const int64_t channels = kChannels > 0 ? kChannels : d.c;
  const int32_t* place = columns.places;
  const float* share = columns.shares;
  for (int64_t x = 0; x < d.ow; ++x, out += channels) {
    std::fill(out, out + channels, 0.0f);
    for (int64_t t = 0; t < columns.taps; ++t) {
      add(channels, *share++, mixed + *place++ * channels, out);
    }
  }
}

}  // namespace

void resample2d_forward(const Resample2dDims& d, const PixelShares& rows,
                        const PixelShares& columns, float fill, const float* src, float* dst) {
  const int64_t row = d.w * d.c, out_row = d.ow * d.c, count = d.mb * d.oh;
  const int threads = threads_for_rows(count, row * rows.taps + out_row * columns.taps);
  const Scratchpad scratch(0, threads, row);
  const auto mix = d.c == 1 ? mix_columns<1> : d.c == 3 ? mix_columns<3> : mix_columns<0>;
  parallel_for(threads, count, [&](int64_t begin, int64_t end, int thread) {
    float* const mixed = scratch.of_thread(thread);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t y = i % d.oh;
      const float* const image = src + i / d.oh * d.h * row;
      float* const out = dst + i * out_row;
      std::fill(mixed, mixed + row, 0.0f);
      for (int64_t t = y * rows.taps; t < (y + 1) * rows.taps; ++t) {
        if (rows.shares[t] != 0.0f) add(row, rows.shares[t], image + rows.places[t] * row, mixed);
      }
      mix(d, columns, mixed, out);
      if (fill == 0.0f) continue;
      const float covered = sum_of_shares(rows, y);
      for (int64_t x = 0; x < d.ow; ++x) {
        const float rest = fill * (1.0f - covered * sum_of_shares(columns, x));
        for (int64_t c = 0; c < d.c; ++c) out[x * d.c + c] += rest;
      }
    }
  });
}

void resample2d_backward(const Resample2dDims& d, const PixelShares& rows,
                         const PixelShares& columns, const float* diff_dst, float* diff_src) {
  const int64_t row = d.w * d.c, out_row = d.ow * d.c;
  const int threads = threads_for_rows(d.mb, d.oh * (row * rows.taps + out_row * columns.taps));
  const Scratchpad scratch(0, threads, row);
  parallel_for(threads, d.mb, [&](int64_t begin, int64_t end, int thread) {
    float* const mixed = scratch.of_thread(thread);
    std::fill(diff_src + begin * d.h * row, diff_src + end * d.h * row, 0.0f);
    for (int64_t i = begin * d.oh; i < end * d.oh; ++i) {
      const float* const gradient = diff_dst + i * out_row;
      std::fill(mixed, mixed + row, 0.0f);
      for (int64_t t = 0; t < d.ow * columns.taps; ++t) {
        add(d.c, columns.shares[t], gradient + t / columns.taps * d.c,
            mixed + columns.places[t] * d.c);
      }
      float* const image = diff_src + i / d.oh * d.h * row;
      const int64_t first = i % d.oh * rows.taps;
      for (int64_t t = first; t < first + rows.taps; ++t) {
        add(row, rows.shares[t], mixed, image + rows.places[t] * row);
      }
    }
  });
}

}  // namespace cnnx
