#include "cnnx/conv2d_chain.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "cnnx/memory.hpp"
#include "kernels/kernel_table.hpp"
#include "ops/correlation.hpp"
#include "ops/depthwise_tiles.hpp"
#include "ops/pixel_product.hpp"
#include "ops/pointwise.hpp"
#include "ops/prepared_weights.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

bool is_product(const Conv2dDims& d) {
  return is_pointwise(d) && d.stride_h == 1 && d.stride_w == 1 && d.oh == d.ih && d.ow == d.iw;
}

// Some rows of an image, which lie side by side.
struct ImageRange {
  int64_t begin, end;
  bool is_empty() const { return begin >= end; }
};

class Link {
 public:
  Link() = default;
  explicit Link(const ConvLink& link) : link_(link) {
    const Conv2dDims& d = link.dims;
    if (!is_product(d)) {
      link_.weights = scaled(link.prepared, link.weights, d.kh * d.kw * d.ic / d.groups * d.oc);
      return;
    }
    const MatrixView weights = {link.weights, d.oc, 1, scale_of(link.prepared)};
    const int64_t size = d.ic * round_up(d.oc, kernels().conv[kOneStepTiles - 1].channels);
    packed_ = link.prepared->form({&kernels().conv, 1}, size, [&](float* memory) {
      pack_product(weights, d.ic, d.oc, 0, d.oc, memory);
    });
  }

  int64_t work() const {
    const Conv2dDims& d = link_.dims;
    return d.mb * d.oh * d.ow * d.oc * d.kh * d.kw * d.ic / d.groups;
  }
  int64_t src_row() const { return link_.dims.iw * link_.dims.ic; }
  int64_t dst_row() const { return link_.dims.ow * link_.dims.oc; }
  int64_t rows() const { return link_.dims.oh; }
  int64_t columns() const { return link_.dims.ow; }
  int64_t rows_of_src() const { return link_.dims.ih; }

  // The rows of an input that some rows of the output see.
  ImageRange seen(ImageRange made) const {
    const Conv2dDims& d = link_.dims;
    const int64_t begin = std::clamp<int64_t>(made.begin * d.stride_h - d.pad_top, 0, d.ih);
    const int64_t end = (made.end - 1) * d.stride_h - d.pad_top + (d.kh - 1) * d.dilation_h + 1;
    return {begin, std::clamp(end, begin, d.ih)};
  }
  int64_t most_seen(int64_t rows) const {
    const Conv2dDims& d = link_.dims;
    return std::min((rows - 1) * d.stride_h + (d.kh - 1) * d.dilation_h + 1, d.ih);
  }

  // Makes some rows at dst + first, from a row of an image on.
  void make(ImageRange made, const float* src, int64_t src_begin, const float* addend,
            int64_t first, float* dst) const {
    const Conv2dDims& d = link_.dims;
    const Epilogue epilogue = {.addend = addend, .activation = link_.activation};
    if (packed_ != nullptr) {
      const Clipping clipped = clipping(after_addition(epilogue));
      const PixelProduct product(d.ic, d.oc, packed_, link_.bias, clipped.range, Where::near);
      product.multiply((made.end - made.begin) * d.ow, src + (made.begin - src_begin) * src_row(),
                       dst + first, d.oc, addend == nullptr ? nullptr : addend + first,
                       Ahead({}, {}, 1), {}, [&](int64_t begin, int64_t end) {
                         finish(clipped.rest, (end - begin) * d.oc, first + begin * d.oc, dst);
                       });
      return;
    }
    const ImageRange read = seen(made);
    Conv2dDims band = d;
    band.mb = 1;
    band.ih = read.end - read.begin, band.oh = made.end - made.begin;
    band.pad_top = read.begin - (made.begin * d.stride_h - d.pad_top);
    depthwise_rows(band, src + (read.begin - src_begin) * src_row(), link_.weights, link_.bias,
                   epilogue, first, dst);
  }

 private:
  ConvLink link_;
  const float* packed_ = nullptr;
};

// The bands of a chain, and where a thread keeps what lies between its links.
class Chain {
 public:
  Chain(std::span<const ConvLink> links) : count_(links.size()), images_(links.front().dims.mb) {
    for (size_t i = 0; i < count_; ++i) links_[i] = Link(links[i]), work_ += links_[i].work();
    const int64_t rows = last().rows();
    const int64_t least = ceil_div(kLeastPixels, std::max<int64_t>(last().columns(), 1));
    int64_t most = std::clamp<int64_t>(rows * images_ / kLeastBands, std::min(least, rows), rows);
    while (most > 1 && place(most) > kFloats) --most;
    bands_ = ceil_div(rows, most);
    scratch_ = place(ceil_div(rows, bands_));
  }

  int64_t count() const { return images_ * bands_; }
  int64_t work() const { return work_; }
  int64_t scratch() const { return scratch_; }

  // What a thread has of the outputs of the links: rows of an image.
  struct Kept {
    int64_t image = -1;
    std::array<ImageRange, kMostLinks> rows{};
  };

  void make(int64_t i, const float* src, const float* addend, float* dst, float* scratch,
            Kept& kept) const {
    const int64_t image = i / bands_, rows = last().rows(), band = i % bands_;
    if (kept.image != image) kept = {.image = image};
    std::array<ImageRange, kMostLinks> made;  // now, by each link
    made[count_ - 1] = {rows * band / bands_, rows * (band + 1) / bands_};
    for (size_t k = count_ - 1; k-- > 0;) {
      const ImageRange seen = links_[k + 1].seen(made[k + 1]);
      keep(links_[k], seen.begin, scratch + places_[k], kept.rows[k]);
      made[k] = {kept.rows[k].end, std::max(seen.end, kept.rows[k].end)};
      kept.rows[k].end = made[k].end;
    }
    const float* from = src + image * links_[0].rows_of_src() * links_[0].src_row();
    int64_t from_begin = 0;
    for (size_t k = 0; k < count_; ++k) {
      const Link& link = links_[k];
      const bool is_last = k + 1 == count_;
      float* const to = is_last ? dst : scratch + places_[k];
      const int64_t row =
          is_last ? image * rows + made[k].begin : made[k].begin - kept.rows[k].begin;
      if (!made[k].is_empty()) {
        link.make(made[k], from, from_begin, is_last ? addend : nullptr, row * link.dst_row(), to);
      }
      from = to, from_begin = kept.rows[k].begin;
    }
  }

 private:
  static constexpr int64_t kFloats = 1 << 17;  // 512 KiB between links: half of an L2
  static constexpr int64_t kLeastBands = 16;   // enough to share out evenly
  static constexpr int64_t kLeastPixels = 48;  // for which it pays to load the weights

  const Link& last() const { return links_[count_ - 1]; }

  // Floats between the links for bands of so many rows.
  int64_t place(int64_t rows) {
    int64_t floats = 0;
    for (size_t k = count_ - 1; k-- > 0;) {
      rows = links_[k + 1].most_seen(rows);
      places_[k] = floats;
      floats += Scratchpad::padded(rows * links_[k].dst_row());
    }
    return floats;
  }

  // Leaves out the rows before `begin`.
  static void keep(const Link& link, int64_t begin, float* data, ImageRange& rows) {
    if (begin >= rows.end) {
      rows = {begin, begin};
    } else if (begin > rows.begin) {
      const float* const first = data + (begin - rows.begin) * link.dst_row();
      std::copy(first, first + (rows.end - begin) * link.dst_row(), data);
      rows.begin = begin;
    }
  }

  size_t count_;
  int64_t images_, bands_, scratch_, work_ = 0;
  std::array<Link, kMostLinks> links_;
  std::array<int64_t, kMostLinks> places_{};
};

// For convolutions that are no links, and the plain algorithm.
void run_one_by_one(std::span<const ConvLink> links, const float* src, const float* addend,
                    float* dst) {
  Memory memory;
  for (const ConvLink& link : links) {
    const Conv2dDims& d = link.dims;
    const bool is_last = &link == &links.back();
    Memory made;
    if (!is_last) made = allocate(static_cast<size_t>(d.mb * d.oh * d.ow * d.oc) * sizeof(float));
    float* const to = is_last ? dst : static_cast<float*>(made.get());
    conv2d_forward(d, src, link.weights, link.bias,
                   {.addend = is_last ? addend : nullptr, .activation = link.activation}, to,
                   link.prepared);
    memory = std::move(made);
    src = to;
  }
}

bool can_be_link(const Conv2dDims& d) { return is_product(d) || has_depthwise_rows(d); }

}  // namespace

bool is_link(const Conv2dDims& d) {
  constexpr int64_t kLeastImage = 128;
  return can_be_link(d) && d.ih * d.iw >= kLeastImage;
}

void conv2d_chain_forward(std::span<const ConvLink> links, const float* src, const float* addend,
                          float* dst) {
  const bool linked = std::ranges::all_of(
      links, [](const ConvLink& link) { return can_be_link(link.dims) && !is_empty(link.dims); });
  if (!linked || conv_algorithm() == "im2col") {
    run_one_by_one(links, src, addend, dst);
    return;
  }
  const Chain chain(links);
  const int threads = threads_for_work(chain.count(), chain.work(), kConvGrain);
  const Scratchpad scratch(0, threads, chain.scratch());
  parallel_for_pieces(threads, chain.count(), pieces_for(chain.work(), threads),
                      [&](int64_t begin, int64_t end, int thread) {
                        Chain::Kept kept;
                        for (int64_t i = begin; i < end; ++i) {
                          chain.make(i, src, addend, dst, scratch.of_thread(thread), kept);
                        }
                      });
}

}  // namespace cnnx
