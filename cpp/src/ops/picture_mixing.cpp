#include <algorithm>

#include "cnnx/pictures.hpp"
#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"
#include "runtime/rounding.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

// body(n, y, begin of the row in the batch) for each row of the pictures, shared out by pictures.
template <typename Body>
void for_each_row(const PictureDims& d, int threads, Body body) {
  const int64_t row = d.w * d.c;
  parallel_for(threads, d.mb, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t i = begin * d.h; i < end * d.h; ++i) body(i / d.h, i % d.h, i * row, thread);
  });
}

int threads_of(const PictureDims& d) { return threads_for_rows(d.mb, d.h * d.w * d.c); }

// The part of a row that lies in a box {top, left, bottom, right}: floats from begin to end.
struct Part {
  Part(const int32_t* box, int64_t y, int64_t channels)
      : begin(y >= box[0] && y < box[2] ? box[1] * channels : 0),
        end(y >= box[0] && y < box[2] ? box[3] * channels : 0) {}
  int64_t begin, end;
};

}  // namespace

void mix_pictures(const PictureDims& d, const float* src, const int64_t* partners,
                  const float* weights, const int32_t* boxes, float* dst) {
  const int64_t row = d.w * d.c;
  for_each_row(d, threads_of(d), [&](int64_t n, int64_t y, int64_t at, int) {
    const float* const own = src + at;
    const float* const other = src + (partners[n] * d.h + y) * row;
    float* const out = dst + at;
    const Part part(boxes + 4 * n, y, d.c);
    const float share = weights[n], rest = 1.0f - share;
    std::copy_n(own, part.begin, out);
    for (int64_t i = part.begin; i < part.end; ++i) out[i] = share * own[i] + rest * other[i];
    std::copy(own + part.end, own + row, out + part.end);
  });
}

void erase_pictures(const PictureDims& d, const float* src, const int32_t* boxes,
                    const Filling& filling, ValueRange range, float* dst) {
  const int64_t row = d.w * d.c, counters = ceil_div(row, 4);
  const int threads = threads_of(d);
  Scratchpad scratchpad(Scratchpad::padded(row), threads, row);
  float* const ones = scratchpad.take(row);
  std::fill(ones, ones + row, 1.0f);
  const auto normal_numbers = kernels().gaussian_dropout;
  for_each_row(d, threads, [&](int64_t n, int64_t y, int64_t at, int thread) {
    const Part part(boxes + 4 * n, y, d.c);
    std::copy_n(src + at, row, dst + at);
    if (part.begin == part.end) return;
    float* const numbers = scratchpad.of_thread(thread);
    const auto counter = static_cast<uint64_t>((n * d.h + y) * counters);
    normal_numbers(row, counter, filling.seed, filling.deviation, ones, numbers);  // 1 + normal
    for (int64_t i = part.begin; i < part.end; ++i) {
      const float value = filling.fill[i % d.c] + (numbers[i] - 1.0f);
      dst[at + i] = range.nearest(value);
    }
  });
}

void crop_forward(const PictureDims& d, int64_t oh, int64_t ow, const int32_t* offsets,
                  const float* src, float* dst) {
  const int64_t row = ow * d.c;
  for_each_row({d.mb, oh, ow, d.c}, threads_of(d), [&](int64_t n, int64_t y, int64_t at, int) {
    const int64_t from = (n * d.h + offsets[2 * n] + y) * d.w + offsets[2 * n + 1];
    std::copy_n(src + from * d.c, row, dst + at);
  });
}

void crop_backward_data(const PictureDims& d, int64_t oh, int64_t ow, const int32_t* offsets,
                        const float* diff_dst, float* diff_src) {
  for_each_row(d, threads_of(d), [&](int64_t n, int64_t y, int64_t at, int) {
    const int64_t top = offsets[2 * n], left = offsets[2 * n + 1], there = y - top;
    float* const out = diff_src + at;
    std::fill(out, out + d.w * d.c, 0.0f);
    if (there < 0 || there >= oh) return;
    std::copy_n(diff_dst + (n * oh + there) * ow * d.c, ow * d.c, out + left * d.c);
  });
}

}  // namespace cnnx
