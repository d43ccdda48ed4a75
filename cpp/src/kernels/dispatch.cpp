#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "cnnx/runtime.hpp"
#include "kernels/kernel_table.hpp"
#include "runtime/isa.hpp"

namespace cnnx {
namespace {

// Best first.
constexpr const KernelTable* kTables[] = {
#ifdef CNNX_X86_64
    &avx512_kernels,
    &avx2_kernels,
#elif defined(CNNX_AARCH64)
    &neon_kernels,
#endif
    &ref_kernels,
};

std::atomic<const KernelTable*> active{nullptr};

bool runs_here(const KernelTable& table) { return cpu_supports(table.name); }

const KernelTable& find(const std::string& name) {
  std::string names;
  for (const KernelTable* table : kTables) {
    if (!runs_here(*table)) continue;
    if (name == table->name) return *table;
    names += names.empty() ? table->name : std::string(", ") + table->name;
  }
  throw std::invalid_argument("instruction set '" + name +
                              "' is not available here; CNNX_ISA and cnnx.config.set_isa take " +
                              names);
}

const KernelTable& choose() {
  const char* forced = std::getenv("CNNX_ISA");
  return find(forced != nullptr && *forced != '\0' ? forced : available_isas().front());
}

}  // namespace

const KernelTable& kernels() {
  const KernelTable* table = active.load(std::memory_order_acquire);
  if (table == nullptr) {
    table = &choose();
    active.store(table, std::memory_order_release);
  }
  return *table;
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const KernelTable* table : kTables) {
    if (runs_here(*table)) names.emplace_back(table->name);
  }
  return names;
}

std::string active_isa() { return kernels().name; }

void set_isa(const std::string& name) { active.store(&find(name), std::memory_order_release); }

}  // namespace cnnx
