// Matrix products.
#include <string>

#include "cnnx/gemm.hpp"
#include "floats.hpp"
#include "rows.hpp"

namespace cnnx::bench {
namespace {

void add_gemm(int64_t m, int64_t n, int64_t k) {
  const std::string size = std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
  add_rows("gemm/" + size, {.flops = 2.0 * static_cast<double>(m * n * k)}, [=] {
    return
        [=, a = random_floats(m * k, 1), b = random_floats(k * n, 2), c = Floats(m * n)]() mutable {
          sgemm(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, nullptr, c.data(), n, false);
        };
  });
}

const bool added = [] {
  add_gemm(512, 512, 512);
  add_gemm(4096, 8, 200);
  add_gemm(4096, 64, 288);
  add_gemm(32, 128, 800);
  add_gemm(2304, 256, 512);
  return true;
}();

}  // namespace
}  // namespace cnnx::bench
