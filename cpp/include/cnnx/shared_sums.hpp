#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace cnnx {

enum class NumberKind { float32, float64, int64 };

// Sums of arrays over processes of one machine that share memory. Each has some room in it. For a
// sum each process puts its array there, adds up its part of all arrays in the order of the ranks,
// and takes the parts of the others. Sums keep their order, and where their arrays lie follows from
// their sizes, so that processes tell each other only how many sums they have come to. The room is
// a ring: an array waits until nobody reads what was there.
class SharedSums {
 public:
  // memory: bytes(size, room) zeros, from a multiple of 64 on, that all processes see. `room` is a
  // multiple of 64, and no array takes more of it.
  SharedSums(int64_t rank, int64_t size, int64_t room, char* memory);

  static int64_t bytes(int64_t size, int64_t room);

  int64_t room() const { return room_; }

  // Begins to replace an array by its sum, and returns the number of this sum, from 1 on. The array
  // belongs to the sum until it has ended here.
  int64_t begin(NumberKind kind, int64_t count, void* array);

  // Does what can be done without waiting; returns how many sums have ended here.
  int64_t advance();

 private:
  enum Stage { kPut, kAdded, kTaken, kStages };  // of sums, which each process counts

  struct Sum {
    NumberKind kind;
    int64_t count, bytes, start;
    char* array;
  };

  int64_t begun() const { return first_ + static_cast<int64_t>(sums_.size()); }
  const Sum& next(Stage stage) const { return sums_[static_cast<size_t>(done_[stage] - first_)]; }
  int64_t* counter(Stage stage, int64_t rank) const;
  int64_t least(Stage stage) const;
  void finish(Stage stage);
  bool has_room();
  void forget();
  char* place(int64_t rank, const Sum& sum) const;
  int64_t part(int64_t rank, const Sum& sum) const { return sum.count * rank / size_; }
  void put(const Sum& sum);
  template <typename T>
  void add(const Sum& sum);
  void take(const Sum& sum);

  int64_t rank_, size_, room_;
  char* memory_;
  std::deque<Sum> sums_;  // those that a process may not have taken, and some before them
  int64_t first_ = 0;     // the number of the first of them, from 0
  int64_t end_ = 0;       // of the last one, in a ring without an end
  int64_t done_[kStages] = {};
};

}  // namespace cnnx
