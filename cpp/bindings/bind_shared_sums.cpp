#include <deque>

#include "array_view.hpp"
#include "cnnx/shared_sums.hpp"

namespace cnnx::bindings {
namespace {

// Keeps the memory, and the arrays until their sums have ended.
class BoundSums {
 public:
  BoundSums(const py::array& memory, int64_t rank, int64_t size)
      : memory_(memory), sums_(sums_in(memory_, rank, size)) {}

  int64_t begin(py::array array) {
    const Arguments args("SharedSums.begin");
    const auto [count] = args.shape<1>(array, "array");
    NumberKind kind = NumberKind::float32;
    void* data = nullptr;
    if (py::isinstance<py::array_t<double>>(array)) {
      kind = NumberKind::float64;
      data = args.output<double>(array, "array", {count});
    } else if (py::isinstance<py::array_t<int64_t>>(array)) {
      kind = NumberKind::int64;
      data = args.output<int64_t>(array, "array", {count});
    } else {
      data = args.output<float>(array, "array", {count});
    }
    args.require(array.nbytes() <= sums_.room(), "array",
                 "must not take more than " + std::to_string(sums_.room()) + " bytes");
    arrays_.push_back(array);
    return sums_.begin(kind, count, data);
  }

  int64_t advance() {
    const int64_t ended = sums_.advance();
    for (; ended_ < ended; ++ended_) arrays_.pop_front();
    return ended;
  }

 private:
  static SharedSums sums_in(py::array& memory, int64_t rank, int64_t size) {
    const Arguments args("SharedSums");
    const auto [bytes] = args.shape<1>(memory, "memory");
    args.require(size > 0 && size <= bytes && rank >= 0 && rank < size, "rank",
                 "must be one of the processes");
    const int64_t room = (bytes - SharedSums::bytes(size, 0)) / size;
    args.require(room >= 64 && room % 64 == 0 && bytes == SharedSums::bytes(size, room), "memory",
                 "must have 192 bytes and a room of a multiple of 64 for each process");
    auto* const data = args.output<uint8_t>(memory, "memory", {bytes});
    args.require(reinterpret_cast<uintptr_t>(data) % 64 == 0, "memory",
                 "must begin at a multiple of 64 bytes");
    return {rank, size, room, reinterpret_cast<char*>(data)};
  }

  py::array memory_;
  SharedSums sums_;
  std::deque<py::array> arrays_;
  int64_t ended_ = 0;
};

}  // namespace

void bind_shared_sums(py::module_& m) {
  py::class_<BoundSums>(m, "SharedSums")
      .def(py::init<const py::array&, int64_t, int64_t>(), py::arg("memory"), py::arg("rank"),
           py::arg("size"))
      .def("begin", &BoundSums::begin, py::arg("array"))
      .def("advance", &BoundSums::advance);
}

}  // namespace cnnx::bindings
