#include "cnnx/upsample2d.hpp"

#include <algorithm>

#include "cnnx/pool2d.hpp"
#include "kernels/kernel_table.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

// The pixels of src, one beside the other, whose weighted sum a pixel of dst is, on one axis.
struct Share {
  int64_t begin, count;
  const float* weights;
};

// The shares of all pixels of dst on one axis.
class Shares {
 public:
  // Of n pixels upsampled by `factor`, or, as gradients, the other way round.
  Shares(int64_t n, int64_t factor, bool backward)
      : n_(n),
        factor_(factor),
        count_(backward ? n : n * factor),
        most_(backward ? 2 * factor : 2),
        backward_(backward) {}

  int64_t scratch() const { return Scratchpad::padded(count_ * (kBounds + most_)); }
  void fill(Scratchpad& scratchpad) {
    float* const memory = scratchpad.take(scratch());
    bounds_ = reinterpret_cast<Bounds*>(memory);
    weights_ = memory + count_ * kBounds;
    for (int64_t i = 0; i < count_; ++i) bounds_[i] = {0, 0};
    for (int64_t large = 0; large < n_ * factor_; ++large) {
      // The place of the large pixel's centre, in halves of large pixels.
      const int64_t place = 2 * large + 1 - factor_ + 2 * factor_;
      const int64_t below = place / (2 * factor_) - 1, rest = place % (2 * factor_);
      const int64_t first = std::max<int64_t>(below, 0), second = std::min(below + 1, n_ - 1);
      const float share = static_cast<float>(rest) / static_cast<float>(2 * factor_);
      if (first == second || rest == 0) {
        add(first, large, 1.0f);
      } else {
        add(first, large, 1.0f - share);
        add(second, large, share);
      }
    }
  }
  Share operator[](int64_t i) const {
    return {bounds_[i].begin, bounds_[i].count, weights_ + i * most_};
  }

 private:
  struct Bounds {
    int64_t begin, count;
  };
  static constexpr int64_t kBounds = sizeof(Bounds) / sizeof(float);

  void add(int64_t small, int64_t large, float weight) {
    const int64_t to = backward_ ? small : large, from = backward_ ? large : small;
    Bounds& bounds = bounds_[to];
    if (bounds.count == 0) bounds.begin = from;
    weights_[to * most_ + bounds.count++] = weight;
  }

  int64_t n_, factor_, count_, most_;
  bool backward_;
  Bounds* bounds_ = nullptr;
  float* weights_ = nullptr;
};

// Images of h rows of w pixels of c floats, as the shares of both axes say.
struct Size {
  int64_t h, w;
};
void resample(const Upsample2dDims& d, Size from, Size to, bool backward, const float* src,
              float* dst) {
  Shares rows(d.h, d.factor_h, backward), cols(d.w, d.factor_w, backward);
  const int64_t row = from.w * d.c, count = d.mb * to.h;
  const int threads = threads_for_rows(count, std::max(from.w, to.w) * d.c);
  Scratchpad scratch(rows.scratch() + cols.scratch(), threads, row);
  rows.fill(scratch);
  cols.fill(scratch);
  const auto sum = kernels().merging.weighted_rows;
  parallel_for(threads, count, [&](int64_t begin, int64_t end, int thread) {
    float* const mixed = scratch.of_thread(thread);
    float* out = dst + begin * to.w * d.c;
    for (int64_t i = begin; i < end; ++i) {
      const Share above = rows[i % to.h];
      sum(row, above.count, src + (i / to.h * from.h + above.begin) * row, row, above.weights,
          mixed);
      for (int64_t x = 0; x < to.w; ++x, out += d.c) {
        const Share beside = cols[x];
        sum(d.c, beside.count, mixed + beside.begin * d.c, d.c, beside.weights, out);
      }
    }
  });
}

// The windows of a sum pooling whose gradient repeats pixels.
Pool2dDims windows_of(const Upsample2dDims& d) {
  return {.mb = d.mb,
          .ih = d.h * d.factor_h,
          .iw = d.w * d.factor_w,
          .c = d.c,
          .oh = d.h,
          .ow = d.w,
          .kh = d.factor_h,
          .kw = d.factor_w,
          .stride_h = d.factor_h,
          .stride_w = d.factor_w,
          .pad_top = 0,
          .pad_left = 0};
}

Size small(const Upsample2dDims& d) { return {d.h, d.w}; }
Size large(const Upsample2dDims& d) { return {d.h * d.factor_h, d.w * d.factor_w}; }

}  // namespace

void upsample2d_forward(const Upsample2dDims& dims, Interpolation interpolation, const float* src,
                        float* dst) {
  if (interpolation == Interpolation::kNearest) {
    sum_pool2d_backward(windows_of(dims), src, dst);
  } else {
    resample(dims, small(dims), large(dims), false, src, dst);
  }
}

void upsample2d_backward(const Upsample2dDims& dims, Interpolation interpolation,
                         const float* diff_dst, float* diff_src) {
  if (interpolation == Interpolation::kNearest) {
    sum_pool2d_forward(windows_of(dims), diff_dst, diff_src);
  } else {
    resample(dims, large(dims), small(dims), true, diff_dst, diff_src);
  }
}

}  // namespace cnnx
