#include "cnnx/shared_sums.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/rounding.hpp"

namespace cnnx {
namespace {

constexpr int64_t kLine = 64;  // bytes that no two processes write at a time
constexpr size_t kKept = 64;   // sums that are remembered although all may have taken them

int64_t bytes_of(NumberKind kind) { return kind == NumberKind::float32 ? 4 : 8; }

}  // namespace

SharedSums::SharedSums(int64_t rank, int64_t size, int64_t room, char* memory)
    : rank_(rank), size_(size), room_(room), memory_(memory) {}

int64_t SharedSums::bytes(int64_t size, int64_t room) { return size * (kStages * kLine + room); }

int64_t* SharedSums::counter(Stage stage, int64_t rank) const {
  return reinterpret_cast<int64_t*>(memory_ + (stage * size_ + rank) * kLine);
}

// Who sees a counter also sees what its process wrote before.
int64_t SharedSums::least(Stage stage) const {
  int64_t found = begun();
  for (int64_t rank = 0; rank < size_; ++rank) {
    found = std::min(found, __atomic_load_n(counter(stage, rank), __ATOMIC_ACQUIRE));
  }
  return found;
}

void SharedSums::finish(Stage stage) {
  __atomic_store_n(counter(stage, rank_), ++done_[stage], __ATOMIC_RELEASE);
}

char* SharedSums::place(int64_t rank, const Sum& sum) const {
  return memory_ + size_ * kStages * kLine + rank * room_ + sum.start % room_;
}

int64_t SharedSums::begin(NumberKind kind, int64_t count, void* array) {
  if (sums_.size() > kKept) forget();
  const int64_t bytes = count * bytes_of(kind);
  if (end_ % room_ + bytes > room_) end_ = round_up(end_, room_);
  sums_.push_back({kind, count, bytes, end_, static_cast<char*>(array)});
  end_ += round_up(bytes, kLine);
  advance();
  return begun();
}

int64_t SharedSums::advance() {
  while (done_[kPut] < begun() && has_room()) {
    put(next(kPut));
    finish(kPut);
  }
  for (const int64_t ready = least(kPut); done_[kAdded] < ready; finish(kAdded)) {
    const Sum& sum = next(kAdded);
    switch (sum.kind) {
      case NumberKind::float32:
        add<float>(sum);
        break;
      case NumberKind::float64:
        add<double>(sum);
        break;
      case NumberKind::int64:
        add<int64_t>(sum);
        break;
    }
  }
  for (const int64_t ready = least(kAdded); done_[kTaken] < ready; finish(kTaken)) {
    take(next(kTaken));
  }
  return done_[kTaken];
}

bool SharedSums::has_room() {
  const Sum& sum = next(kPut);
  const int64_t end = sum.start + sum.bytes;
  if (end - sums_.front().start > room_) forget();
  return end - sums_.front().start <= room_;
}

void SharedSums::forget() {
  for (const int64_t taken = least(kTaken); first_ < taken; ++first_) sums_.pop_front();
}

// All but this process' own part, which nobody else reads.
void SharedSums::put(const Sum& sum) {
  const int64_t each = bytes_of(sum.kind);
  const int64_t begin = part(rank_, sum) * each, end = part(rank_ + 1, sum) * each;
  char* const own = place(rank_, sum);
  std::memcpy(own, sum.array, static_cast<size_t>(begin));
  std::memcpy(own + end, sum.array + end, static_cast<size_t>(sum.bytes - end));
}

// Some numbers at a time, so that the sums of many processes stay in the cache.
template <typename T>
void SharedSums::add(const Sum& sum) {
  constexpr int64_t kBlock = 512;
  T total[kBlock];
  T* const array = reinterpret_cast<T*>(sum.array);
  T* const own = reinterpret_cast<T*>(place(rank_, sum));
  const int64_t end = part(rank_ + 1, sum);
  for (int64_t i = part(rank_, sum); i < end; i += kBlock) {
    const int64_t n = std::min(kBlock, end - i);
    const auto of = [&](int64_t rank) {
      return i + (rank == rank_ ? array : reinterpret_cast<const T*>(place(rank, sum)));
    };
    std::copy_n(of(0), n, total);
    for (int64_t rank = 1; rank < size_; ++rank) {
      const T* const other = of(rank);
      for (int64_t k = 0; k < n; ++k) total[k] += other[k];
    }
    std::copy_n(total, n, own + i);
    std::copy_n(total, n, array + i);
  }
}

void SharedSums::take(const Sum& sum) {
  for (int64_t rank = 0; rank < size_; ++rank) {
    if (rank == rank_) continue;
    const int64_t begin = part(rank, sum) * bytes_of(sum.kind);
    const int64_t end = part(rank + 1, sum) * bytes_of(sum.kind);
    std::memcpy(sum.array + begin, place(rank, sum) + begin, static_cast<size_t>(end - begin));
  }
}

}  // namespace cnnx
