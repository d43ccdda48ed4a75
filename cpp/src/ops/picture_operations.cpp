#include <algorithm>

#include "cnnx/pictures.hpp"
#include "ops/picture_colors.hpp"
#include "ops/picture_filters.hpp"
#include "runtime/parallel.hpp"
#include "runtime/scratchpad.hpp"

namespace cnnx {
namespace {

using ColorOperation = void (*)(const Pixels&, const float*);

// Null for operations that are none of single pixels.
ColorOperation color_operation(PictureOperation operation) {
  switch (operation) {
    case PictureOperation::kBrightness:
      return brightness;
    case PictureOperation::kContrast:
      return contrast;
    case PictureOperation::kSaturation:
      return saturation;
    case PictureOperation::kHue:
      return hue;
    case PictureOperation::kGray:
      return gray;
    case PictureOperation::kInvert:
      return invert;
    case PictureOperation::kPosterize:
      return posterize;
    case PictureOperation::kSolarize:
      return solarize;
    case PictureOperation::kAutoContrast:
      return auto_contrast;
    case PictureOperation::kEqualize:
      return equalize;
    case PictureOperation::kNothing:
    case PictureOperation::kSharpness:
    case PictureOperation::kBlur:
    case PictureOperation::kWarp:
      break;
  }
  return nullptr;
}

}  // namespace

void transform_pictures(const PictureDims& dims, const PictureProgram& program, ValueRange range,
                        const Sampling& sampling, const float* src, float* dst) {
  const int64_t size = dims.h * dims.w * dims.c;
  const int threads = threads_for_rows(dims.mb, 8 * size);
  const Scratchpad scratchpad(0, threads, size);
  parallel_for(threads, dims.mb, [&](int64_t begin, int64_t end, int thread) {
    float* const scratch = scratchpad.of_thread(thread);
    for (int64_t n = begin; n < end; ++n) {
      const float* from = src + n * size;
      float* const to = dst + n * size;
      for (int64_t step = n * program.steps; step < (n + 1) * program.steps; ++step) {
        const auto operation = static_cast<PictureOperation>(program.operations[step]);
        const float* const p = program.parameters + step * kPictureNumbers;
        if (operation == PictureOperation::kNothing) continue;
        if (const ColorOperation change = color_operation(operation)) {
          change({dims.h * dims.w, dims.c, range, from, to}, p);
        } else if (operation == PictureOperation::kBlur) {
          blur(dims, range, p, from, scratch, to);
        } else {
          if (from == to) from = std::copy_n(to, size, scratch) - size;
          if (operation == PictureOperation::kWarp) {
            warp_picture(dims, sampling, p, from, to);
          } else {
            sharpness(dims, range, p, from, to);
          }
        }
        from = to;
      }
      if (from != to) std::copy_n(from, size, to);
    }
  });
}

}  // namespace cnnx
