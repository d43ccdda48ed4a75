#pragma once

#include <cstdint>

#include "cnnx/warp.hpp"

namespace cnnx {

// What changes a picture, and its parameters. R is high - low of the range of values; "in the
// range" means that what lies outside becomes its nearer end. Colours have three channels: red,
// green, blue.
enum class PictureOperation : int32_t {
  kNothing,
  kBrightness,    // x + p0 R, in the range
  kContrast,      // mean + p0 (x - mean) with the mean of the channel, in the range
  kSaturation,    // the saturation of HSV times p0, at most 1; colours alone
  kHue,           // the hue of HSV plus p0 turns, in the range; colours alone
  kGray,          // x + p0 (gray - x) with gray = .2989 red + .587 green + .114 blue, in the range
  kInvert,        // low + high - x
  kPosterize,     // the upper p0 bits of 8
  kSolarize,      // v = x + p0 R in the range, or low + high - v unless v < low + p1 R
  kAutoContrast,  // each channel stretched to the whole range
  kEqualize,      // each channel through its cumulated histogram of p0 bins
  kSharpness,     // smooth + p0 (x - smooth) inside the border, in the range; smooth: see below
  kBlur,          // p0 x p1 Gaussian kernel of deviations p2, p3, mirrored at the border
  kWarp,          // see warp.hpp
};
// smooth is the mean of 3x3 pixels, the middle one counted five times.

constexpr int32_t kPictureOperations = 14;
constexpr int64_t kPictureNumbers = 8;
constexpr int64_t kMostBins = 256;
constexpr int64_t kMostTaps = 255;  // rows and columns of a blur's kernel, which are odd

struct PictureProgram {
  int64_t steps;
  const int32_t* operations;  // (mb, steps)
  const float* parameters;    // (mb, steps, kPictureNumbers)
};

struct ValueRange {
  float low, high;
  // The value, or its nearer end; NaN is low.
  float nearest(float value) const { return value > low ? (value < high ? value : high) : low; }
};

// Runs each picture's own operations, one after the other.
void transform_pictures(const PictureDims& dims, const PictureProgram& program, ValueRange range,
                        const Sampling& sampling, const float* src, float* dst);

// dst[n, y, x] is src[n, y, x]; in boxes[n] = {top, left, bottom, right} it is
// weights[n] src[n, y, x] + (1 - weights[n]) src[partners[n], y, x].
void mix_pictures(const PictureDims& dims, const float* src, const int64_t* partners,
                  const float* weights, const int32_t* boxes, float* dst);

// dst is src; in boxes[n] it is fill, a number for each channel, plus normal numbers of a
// deviation, which depend on the seed and the place alone, in the range.
struct Filling {
  const float* fill;
  float deviation;
  uint64_t seed;
};
void erase_pictures(const PictureDims& dims, const float* src, const int32_t* boxes,
                    const Filling& filling, ValueRange range, float* dst);

// dst (mb, oh, ow, c) is the part of src whose first pixel is offsets[n] = {row, column}; the
// gradient of what is left out is 0.
void crop_forward(const PictureDims& dims, int64_t oh, int64_t ow, const int32_t* offsets,
                  const float* src, float* dst);
void crop_backward_data(const PictureDims& dims, int64_t oh, int64_t ow, const int32_t* offsets,
                        const float* diff_dst, float* diff_src);

}  // namespace cnnx
