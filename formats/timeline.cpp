#include "formats/timeline.hpp"

#include <array>

namespace fdr {
namespace {

template <class Enum, std::size_t N>
const char* name_of(Enum value, const std::array<const char*, N>& names) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : "invalid";
}

}  // namespace

const char* stall_kind_name(StallKind kind) {
  static constexpr std::array names = {"wait", "blocked", "uninterruptible", "runnable", "reclaim", "compaction", "throttled"};
  static_assert(names.size() == static_cast<std::size_t>(StallKind::kCount));
  return name_of(kind, names);
}

const char* growth_kind_name(GrowthKind kind) {
  static constexpr std::array names = {"anonymous", "file", "shared"};
  static_assert(names.size() == static_cast<std::size_t>(GrowthKind::kCount));
  return name_of(kind, names);
}

const char* life_kind_name(LifeKind kind) {
  static constexpr std::array names = {"fork", "exec", "exit", "thread-start", "thread-exit", "mark", "trigger", "note"};
  return name_of(kind, names);
}

}  // namespace fdr
