#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "gemm/pack.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/conv2d_geometry.hpp"
#include "ops/prepared_weights.hpp"
#include "ops/winograd_tiles.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {

// Points of outputs along one axis: each is the sum of `count` points of the inputs from `input` on
// times as many of the weights, from `weights` on.
struct AxisProduct {
  int64_t input, weights, count;
};

// The points of a tile's outputs, as products of those of its inputs and of the weights.
class PointProducts {
 public:
  struct Product {
    int64_t runs;
    int64_t inputs[4];
    int64_t matrices;  // of the weights of all products before it
  };

  // Along one axis, of so many points of the inputs and of the weights; along two.
  template <size_t N>
  PointProducts(int64_t inputs, int64_t weights, const std::array<AxisProduct, N>& axis)
      : PointProducts(inputs, weights, std::array<AxisProduct, 1>{{{0, 0, 1}}}, axis) {
    inputs_ = inputs, weights_ = weights;
  }
  template <size_t N, size_t M>
  PointProducts(int64_t inputs, int64_t weights, const std::array<AxisProduct, M>& y,
                const std::array<AxisProduct, N>& x)
      : inputs_(inputs * inputs), weights_(weights * weights), count_(0), matrices_(0) {
    for (const AxisProduct& row : y) {
      for (const AxisProduct& column : x) {
        Product& product = products_[count_++];
        product.runs = 0, product.matrices = matrices_;
        for (int64_t i = 0; i < row.count; ++i) {
          for (int64_t j = 0; j < column.count; ++j) {
            const int64_t run = product.runs++;
            product.inputs[run] = (row.input + i) * inputs + column.input + j;
            places_[(row.weights + i) * weights + column.weights + j] = {count_ - 1, run};
          }
        }
        matrices_ += product.runs;
      }
    }
  }

  int64_t inputs() const { return inputs_; }
  int64_t weights() const { return weights_; }
  int64_t count() const { return count_; }
  int64_t matrices() const { return matrices_; }
  const Product& operator[](int64_t i) const { return products_[i]; }

  // Where a point of the weights is used.
  struct Place {
    int64_t product, run;
  };
  Place place(int64_t weights) const { return places_[weights]; }

  static constexpr int64_t kMost = 25;

 private:
  int64_t inputs_, weights_, count_, matrices_;
  Product products_[kMost];
  Place places_[kMost];
};

// The points of the weights, packed for the micro-kernel in the order in which products use them.
class PointWeights {
 public:
  // Makes the points of c floats of some taps.
  using Kernel = void (*)(int64_t c, const float* weights, int64_t tap_stride,
                          float* const* points);

  PointWeights(const PointProducts& products, int64_t taps, Kernel kernel, int64_t ic, int64_t oc)
      : products_(products),
        taps_(taps),
        kernel_(kernel),
        tile_(tile_for<ConvTile>(std::span(kernels().conv).first<kOneStepTiles>(), oc)),
        ic_(ic),
        oc_(oc),
        panels_(ceil_div(oc, tile_.channels)),
        panel_(products.matrices() * ic * tile_.channels) {}

  int64_t scratch(const PreparedWeights* prepared) const {
    return form_scratch(prepared, panels_ * panel_);
  }
  int64_t thread_scratch() const { return taps_ * kRows * tile_.channels; }

  // tap(t) is the matrix (ic, oc) of tap t. The key is that of the form.
  template <typename Tap>
  void transform(Tap tap, const void* key, int threads, Scratchpad& scratch,
                 PreparedWeights* prepared) {
    points_ = weights_form(prepared, {key, 0}, panels_ * panel_, scratch, [&](float* points) {
      const int64_t pieces = this->pieces();
      parallel_for(threads, panels_ * pieces, [&](int64_t begin, int64_t end, int thread) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t panel = i / pieces;
          transform_piece(tap, panel, i % pieces, scratch.of_thread(thread),
                          points + panel * panel_);
        }
      });
    });
  }

  // Shares of a product of all points.
  int64_t shares() const { return products_.count() * panels_; }
  // outputs (tiles, oc) = the sums of inputs (tiles, ic) times weights, shares [first, last), for
  // the tiles that need a point: needed(point).
  template <typename Needed>
  void multiply(int64_t first, int64_t last, const Needed& needed, const float* inputs,
                int64_t input_stride, float* outputs, int64_t output_stride) const {
    for (int64_t share = first; share < last; ++share) {
      const int64_t point = share / panels_, panel = share % panels_;
      multiply_panel(point, panel, points_ + panel * panel_, needed(point), inputs, input_stride,
                     outputs, output_stride);
    }
  }

  // The same for all points of panels [first, last), whose weights are transformed next to their
  // only use.
  int64_t panels() const { return panels_; }
  int64_t panel_scratch() const { return thread_scratch() + panel_; }
  template <typename Tap, typename Needed>
  void transform_and_multiply(Tap tap, int64_t first, int64_t last, const Needed& needed,
                              const float* inputs, int64_t input_stride, float* outputs,
                              int64_t output_stride, float* scratch) const {
    float* const points = scratch + thread_scratch();
    for (int64_t panel = first; panel < last; ++panel) {
      for (int64_t piece = 0; piece < pieces(); ++piece) {
        transform_piece(tap, panel, piece, scratch, points);
      }
      for (int64_t point = 0; point < products_.count(); ++point) {
        multiply_panel(point, panel, points, needed(point), inputs, input_stride, outputs,
                       output_stride);
      }
    }
  }

 private:
  static constexpr int64_t kRows = 16;  // input channels whose taps are packed at once

  int64_t pieces() const { return ceil_div(ic_, kRows); }

  // The points of some rows of a panel's weights.
  template <typename Tap>
  void transform_piece(Tap tap, int64_t panel, int64_t piece, float* packed, float* points) const {
    const int64_t channel = panel * tile_.channels, row = piece * kRows;
    const int64_t rows = std::min(kRows, ic_ - row), size = rows * tile_.channels;
    for (int64_t t = 0; t < taps_; ++t) {
      pack_b(tap(t).from(row, channel), rows, std::min(tile_.channels, oc_ - channel),
             tile_.channels, packed + t * size);
    }
    float* to[PointProducts::kMost];
    for (int64_t w = 0; w < products_.weights(); ++w) {
      const auto [product, run] = products_.place(w);
      to[w] = points + ((products_[product].matrices + run) * ic_ + row) * tile_.channels;
    }
    kernel_(size, packed, size, to);
  }

  void multiply_panel(int64_t point, int64_t panel, const float* points, const TileRange& tiles,
                      const float* inputs, int64_t input_stride, float* outputs,
                      int64_t output_stride) const {
    const PointProducts::Product& product = products_[point];
    int64_t offsets[4];
    for (int64_t run = 0; run < product.runs; ++run) {
      offsets[run] = product.inputs[run] * input_stride;
    }
    const ConvRuns runs{product.runs, ic_, offsets};
    const float* const weights = points + product.matrices * ic_ * tile_.channels;
    const int64_t channel = panel * tile_.channels;
    tile_.microkernel(runs, inputs + tiles.begin * ic_, ic_, weights, nullptr,
                      outputs + point * output_stride + tiles.begin * oc_ + channel, oc_,
                      tiles.count(), std::min(tile_.channels, oc_ - channel), nullptr);
  }

  const PointProducts& products_;
  int64_t taps_;
  Kernel kernel_;
  const ConvTile& tile_;
  int64_t ic_, oc_, panels_, panel_;
  const float* points_ = nullptr;
};

}  // namespace cnnx
