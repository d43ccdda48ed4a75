#include "ops/picture_colors.hpp"

#include <algorithm>
#include <cmath>

namespace cnnx {
namespace {

constexpr ValueRange kBytes{0.0f, 255.0f};
constexpr ValueRange kSixths{0.0f, 24.0f};  // of a turn of the hue, and a few turns

// dst = function(src) in the range, element by element.
template <typename Function>
void map(const Pixels& pixels, Function function) {
  const ValueRange range = pixels.range;
  const int64_t n = pixels.count * pixels.channels;
  for (int64_t i = 0; i < n; ++i) pixels.dst[i] = range.nearest(function(pixels.src[i]));
}

// function(src, dst) for each pixel of three colours.
template <typename Function>
void map_colors(const Pixels& pixels, Function function) {
  for (int64_t i = 0; i < 3 * pixels.count; i += 3) function(pixels.src + i, pixels.dst + i);
}

void copy(const Pixels& pixels) {
  if (pixels.src != pixels.dst) {
    std::copy_n(pixels.src, pixels.count * pixels.channels, pixels.dst);
  }
}

// The sum of a channel: of four interleaved parts, which do not wait for one another.
double channel_sum(const Pixels& pixels, int64_t channel) {
  double sums[4] = {};
  const int64_t step = pixels.channels;
  int64_t i = 0;
  const float* x = pixels.src + channel;
  for (; i + 4 <= pixels.count; i += 4, x += 4 * step) {
    for (int j = 0; j < 4; ++j) sums[j] += static_cast<double>(x[j * step]);
  }
  for (; i < pixels.count; ++i, x += step) sums[0] += static_cast<double>(*x);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// dst = scale src + offset in the range, of one channel.
void scale_channel(const Pixels& pixels, int64_t channel, float scale, float offset) {
  const ValueRange range = pixels.range;
  for (int64_t i = channel; i < pixels.count * pixels.channels; i += pixels.channels) {
    pixels.dst[i] = range.nearest(scale * pixels.src[i] + offset);
  }
}

}  // namespace

void brightness(const Pixels& pixels, const float* p) {
  const float added = p[0] * (pixels.range.high - pixels.range.low);
  map(pixels, [=](float x) { return x + added; });
}

void contrast(const Pixels& pixels, const float* p) {
  for (int64_t c = 0; c < pixels.channels; ++c) {
    const auto mean =
        static_cast<float>(channel_sum(pixels, c) / static_cast<double>(pixels.count));
    scale_channel(pixels, c, p[0], (1.0f - p[0]) * mean);
  }
}

void saturation(const Pixels& pixels, const float* p) {
  if (pixels.channels != 3) return copy(pixels);
  const float factor = p[0];
  const ValueRange range = pixels.range;
  // (max - x) / (max - low) is a pixel's saturation times a number that depends on its hue alone.
  map_colors(pixels, [=](const float* x, float* y) {
    const float most = std::max(std::max(x[0], x[1]), x[2]);
    const float least = std::min(std::min(x[0], x[1]), x[2]);
    const float spread = most - least;
    const float scale = spread > 0.0f ? std::min(factor, (most - range.low) / spread) : 1.0f;
    for (int c = 0; c < 3; ++c) y[c] = range.nearest(most - (most - x[c]) * scale);
  });
}

void hue(const Pixels& pixels, const float* p) {
  if (pixels.channels != 3) return copy(pixels);
  const float turn = 6.0f * p[0];
  const ValueRange range = pixels.range;
  map_colors(pixels, [=](const float* x, float* y) {
    const float red = x[0], green = x[1], blue = x[2];
    const float most = std::max(std::max(red, green), blue);
    const float spread = most - std::min(std::min(red, green), blue);
    const float unit = spread > 0.0f ? 1.0f / spread : 0.0f;
    const float sixths = most == red     ? (green - blue) * unit
                         : most == green ? 2.0f + (blue - red) * unit
                                         : 4.0f + (red - green) * unit;
    // A colour falls from max to min within a sixth of a turn, two sixths away from its own hue.
    const float offsets[3] = {5.0f, 3.0f, 1.0f};
    for (int c = 0; c < 3; ++c) {
      float place = kSixths.nearest(sixths + turn + offsets[c] + 6.0f);
      place -= 6.0f * static_cast<float>(static_cast<int32_t>(place * (1.0f / 6.0f)));
      const float down = std::min(std::min(place, 4.0f - place), 1.0f);
      y[c] = range.nearest(most - spread * std::max(down, 0.0f));
    }
  });
}

void gray(const Pixels& pixels, const float* p) {
  if (pixels.channels != 3) return copy(pixels);
  const float share = p[0];
  const ValueRange range = pixels.range;
  map_colors(pixels, [=](const float* x, float* y) {
    const float light = 0.2989f * x[0] + 0.587f * x[1] + 0.114f * x[2];
    for (int c = 0; c < 3; ++c) y[c] = range.nearest(x[c] + share * (light - x[c]));
  });
}

void invert(const Pixels& pixels, const float*) {
  const float sum = pixels.range.low + pixels.range.high;
  const int64_t n = pixels.count * pixels.channels;
  for (int64_t i = 0; i < n; ++i) pixels.dst[i] = sum - pixels.src[i];
}

void posterize(const Pixels& pixels, const float* p) {
  const float low = pixels.range.low, to_bytes = 255.0f / (pixels.range.high - low);
  const float from_bytes = 1.0f / to_bytes;
  const int32_t mask = 0xff & ~((1 << (8 - static_cast<int>(p[0]))) - 1);
  map(pixels, [=](float x) {
    const float byte = kBytes.nearest((x - low) * to_bytes);
    return low + static_cast<float>(static_cast<int32_t>(byte) & mask) * from_bytes;
  });
}

void solarize(const Pixels& pixels, const float* p) {
  const ValueRange range = pixels.range;
  const float spread = range.high - range.low, ends = range.low + range.high;
  const float added = p[0] * spread, threshold = range.low + p[1] * spread;
  map(pixels, [=](float x) {
    const float sum = range.nearest(x + added);
    return sum < threshold ? sum : ends - sum;
  });
}

void auto_contrast(const Pixels& pixels, const float*) {
  const float bottom = pixels.range.low, top = pixels.range.high;
  for (int64_t c = 0; c < pixels.channels; ++c) {
    float least = pixels.src[c], most = least;
    for (int64_t i = c; i < pixels.count * pixels.channels; i += pixels.channels) {
      least = std::min(least, pixels.src[i]);
      most = std::max(most, pixels.src[i]);
    }
    const float scale = most > least ? (top - bottom) / (most - least) : 1.0f;
    scale_channel(pixels, c, scale, most > least ? bottom - least * scale : 0.0f);
  }
}

void equalize(const Pixels& pixels, const float* p) {
  const auto bins = static_cast<int64_t>(p[0]);
  const float low = pixels.range.low, spread = pixels.range.high - low;
  const ValueRange places{0.0f, static_cast<float>(bins - 1)};
  const float scale = places.high / spread;
  const auto bin = [=](float x) { return static_cast<int64_t>(places.nearest((x - low) * scale)); };
  for (int64_t c = 0; c < pixels.channels; ++c) {
    int64_t counts[kMostBins] = {};
    for (int64_t i = 0; i < pixels.count; ++i) ++counts[bin(pixels.src[i * pixels.channels + c])];
    const int64_t* const first =
        std::find_if(counts, counts + bins, [](int64_t n) { return n > 0; });
    const int64_t least = *first, rest = pixels.count - least;
    float table[kMostBins];
    int64_t sum = 0;
    for (int64_t i = 0; i < bins; ++i) {
      sum += counts[i];
      const double share = rest > 0 ? static_cast<double>(std::max<int64_t>(sum - least, 0)) /
                                          static_cast<double>(rest)
                                    : 0.0;
      table[i] = low + static_cast<float>(std::nearbyint(255.0 * share) / 255.0) * spread;
    }
    for (int64_t i = c; i < pixels.count * pixels.channels; i += pixels.channels) {
      pixels.dst[i] = rest > 0 ? table[bin(pixels.src[i])] : pixels.src[i];
    }
  }
}

}  // namespace cnnx
