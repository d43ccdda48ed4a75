#pragma once

#include <algorithm>
#include <cstdint>

#include "cnnx/conv2d.hpp"
#include "cnnx/epilogue.hpp"
#include "cnnx/gemm.hpp"
#include "cnnx/prepared_weights.hpp"
#include "ops/epilogue.hpp"
#include "ops/strips.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

// Multiply-adds worth a thread. Depthwise ones wait for memory, too.
constexpr int64_t kConvGrain = int64_t{1} << 18, kDepthwiseGrain = int64_t{1} << 16;

// Output pixels of some images, which may lie apart.
struct OutputPixels {
  float* data;
  int64_t image_stride, row_stride, pixel_stride;
};

// Which taps of the kernel, along one axis, are those of a correlation.
struct TapOrder {
  int64_t first, step;
  int64_t at(int64_t tap) const { return first + tap * step; }
};

// The weights of a correlation, wherever its taps lie in the kernel's (kh, kw, ic / groups, oc).
class KernelTaps {
 public:
  // The orders are those of a kernel that is not rotated. The scale is that of the output channels,
  // or null.
  KernelTaps(const Conv2dDims& d, const float* weights, TapOrder y, TapOrder x,
             const float* scale = nullptr)
      : weights_(weights),
        scale_(scale),
        y_(d.rotated ? TapOrder{d.kh - 1 - y.first, -y.step} : y),
        x_(d.rotated ? TapOrder{d.kw - 1 - x.first, -x.step} : x),
        kw_(d.kw),
        icg_(d.ic / d.groups),
        oc_(d.oc),
        ocg_(d.oc / d.groups) {}

  // The same with input and output channels exchanged.
  KernelTaps transposed() const {
    KernelTaps other = *this;
    other.transposed_ = true;
    return other;
  }

  // One group's matrix (input channels, output channels) of a tap.
  MatrixView matrix(int64_t y, int64_t x, int64_t group) const {
    const float* const tap = weights_ + (y_.at(y) * kw_ + x_.at(x)) * icg_ * oc_ + group * ocg_;
    if (transposed_) return {tap, 1, oc_};
    return {tap, oc_, 1, scale_ == nullptr ? nullptr : scale_ + group * ocg_};
  }

 private:
  const float *weights_, *scale_;
  TapOrder y_, x_;
  int64_t kw_, icg_, oc_, ocg_;
  bool transposed_ = false;
};

// Finishes the row of output pixels that begins `first` floats after the first one.
inline void finish_row(const Conv2dDims& d, const Epilogue& epilogue, const OutputPixels& dst,
                       int64_t first) {
  if (dst.pixel_stride == d.oc) {
    finish(epilogue, d.ow * d.oc, first, dst.data);
  } else {
    for (int64_t x = 0; x < d.ow; ++x) {
      finish(epilogue, d.oc, first + x * dst.pixel_stride, dst.data);
    }
  }
}

// Rows that have to be finished together.
constexpr int64_t rows_together(Pooling pooling) {
  return std::max<int64_t>(window_rows(pooling), 1);
}

// A correlation strip by strip, and what follows it in the same pass. If a row has several parts,
// dims are those of with_row_parts().
class Correlation {
 public:
  Correlation(const Conv2dDims& dims, Images src, const Epilogue& epilogue,
              Borders borders = Borders::copied, int64_t grain = kConvGrain, int64_t parts = 1)
      : d_(dims),
        epilogue_(epilogue),
        pooled_(epilogue.pool != Pooling::none),
        strips_(dims, src, rows_together(epilogue.pool), Strips::kLeastStrips, borders, parts),
        waiting_(pooled_ ? Scratchpad::padded(strips_.most_rows() * d_.ow * d_.oc) : 0) {
    const int64_t work = d_.mb * d_.oh * d_.ow * d_.oc * d_.kh * d_.kw * (d_.ic / d_.groups);
    threads_ = threads_for_work(strips_.count(), work, grain);
    pieces_ = pieces_for(work, threads_);
  }

  const Strips& strips() const { return strips_; }
  int threads() const { return threads_; }
  int64_t scratch() const { return strips_.scratch() + waiting_; }  // of each

  // compute(strip, input, out) makes the rows of a strip. If they are pooled, dst has no gaps.
  template <typename Compute>
  void run(const Scratchpad& scratchpad, const OutputPixels& dst, Compute compute) const {
    run_in_place(scratchpad, dst, [&](int64_t strip, float* copy, const OutputPixels& out) {
      compute(strip, strips_.input(strip, copy), out);
    });
  }
  // The same without the input, as make(strip, scratch, out).
  template <typename Make>
  void run_in_place(const Scratchpad& scratchpad, const OutputPixels& dst, Make make) const {
    const auto make_strips = [&](int64_t begin, int64_t end, int thread) {
      float* const copy = scratchpad.of_thread(thread);
      for (int64_t strip = begin; strip < end; ++strip) {
        if (pooled_) {
          const int64_t row = d_.ow * d_.oc;
          float* const unpooled = copy + strips_.scratch();
          make(strip, copy, OutputPixels{unpooled, strips_.rows(strip) * row, row, d_.oc});
          const int64_t together = rows_together(epilogue_.pool), pooled_row = d_.ow / 2 * d_.oc;
          const int64_t windows = rows(strip) / together;
          const int64_t first = first_row(strip) / together * pooled_row;
          pool_rows(epilogue_, windows, d_.ow / 2, d_.oc, unpooled, first, dst.data);
        } else {
          OutputPixels out = dst;
          out.data += strips_.first_image(strip) * dst.image_stride +
                      strips_.first_row(strip) * dst.row_stride;
          make(strip, copy, out);
          finish_strip(strip, dst);
        }
      }
    };
    parallel_for_pieces(threads_, strips_.count(), pieces_, make_strips);
  }

 private:
  void finish_strip(int64_t strip, const OutputPixels& dst) const {
    if (is_finished(epilogue_)) return;
    const int64_t row = d_.ow * d_.oc;
    if (dst.pixel_stride == d_.oc && dst.row_stride == row) {
      finish(epilogue_, rows(strip) * row, first_row(strip) * row, dst.data);
      return;
    }
    for (int64_t i = 0; i < rows(strip); ++i) {
      const int64_t image = strips_.first_image(strip) + i / strips_.rows(strip);
      const int64_t y = strips_.first_row(strip) + i % strips_.rows(strip);
      finish_row(d_, epilogue_, dst, image * dst.image_stride + y * dst.row_stride);
    }
  }

  // Rows of all images before those of a strip, and of a strip.
  int64_t first_row(int64_t strip) const {
    return strips_.first_image(strip) * d_.oh + strips_.first_row(strip);
  }
  int64_t rows(int64_t strip) const { return strips_.images(strip) * strips_.rows(strip); }

  Conv2dDims d_;
  Epilogue epilogue_;
  bool pooled_;
  Strips strips_;
  int64_t waiting_, pieces_;
  int threads_;
};

// Forward, and the gradient of the input: any convolution, and those in which every channel has a
// kernel of its own.
void dense_correlate(const Conv2dDims& dims, Images src, const KernelTaps& taps, const float* bias,
                     const Epilogue& epilogue, const OutputPixels& dst, PreparedWeights* prepared);
void depthwise_correlate(const Conv2dDims& dims, Images src, const KernelTaps& taps,
                         const float* bias, const Epilogue& epilogue, const OutputPixels& dst);

// The gradient of the weights: any convolution, from a packed copy of its strips or from src where
// it lies, and depthwise ones.
void packed_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                             float* diff_weights);
void unpacked_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                               float* diff_weights);
void depthwise_backward_weights(const Conv2dDims& dims, const float* src, Images diff_dst,
                                float* diff_weights);

}  // namespace cnnx
