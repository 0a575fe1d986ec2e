#include "formats/figures/held.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace fdr {
namespace {

// Libraries of the languages, and their ways to an allocator.
constexpr std::array<std::string_view, 12> kPlumbing = {"std::",   "__gnu_cxx::", "alloc::", "core::",  "hashbrown::", "<std::",
                                                        "<alloc::", "<core::",     "<hashbrown::", "__rust_", "__rdl_", "__rg_"};

// A function's qualified name: what a C++ template's says of its result stands before it.
std::string_view qualified_name(std::string_view function) {
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t at = 0; at < function.size(); ++at) {
    const char c = function[at];
    if (c == '<') ++depth;
    else if (c == '>') depth -= depth > 0;
    else if (depth == 0 && c == '(') break;
    else if (depth == 0 && c == ' ') begin = at + 1;
  }
  return function.substr(begin);
}

bool is_plumbing(std::string_view function) {
  if (function.starts_with("operator new")) return true;
  const std::string_view name = qualified_name(function);
  return std::any_of(kPlumbing.begin(), kPlumbing.end(), [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// Without what the language does to get memory; all of it where nothing else is left.
void leave_out_plumbing(const Labels& labels, std::vector<FunctionId>& functions) {
  std::size_t kept = functions.size();
  while (kept > 0 && is_plumbing(labels.function(functions[kept - 1]))) --kept;
  if (kept > 0) functions.resize(kept);
}

struct Sum {
  HeldCount count;
  double bytes = 0, variance = 0;
};

}  // namespace

std::vector<HeldCount> count_held(const View& view, const HeldBlocks& blocks, std::optional<Timestamp> since) {
  using Key = std::pair<std::uint32_t, std::vector<FunctionId>>;
  std::map<StackId, std::vector<FunctionId>> functions;
  std::map<Key, Sum> sums;
  for (const Held& held : blocks.blocks) {
    if (!view.wants_process(held.process) || held.time > view.to() || (view.filter().from_s && held.time < view.from()) || (since && held.time < *since)) continue;
    const auto [known, fresh] = functions.try_emplace(held.stack);
    if (fresh) {
      known->second = view.labels.functions_of(held.stack, Labels::Part::kUser);
      leave_out_plumbing(view.labels, known->second);
    }
    Sum& sum = sums[{held.process, known->second}];
    HeldCount& count = sum.count;
    const double bytes = static_cast<double>(blocks.weight(held.size));
    sum.bytes += bytes;
    sum.variance += bytes * std::max(0.0, bytes - static_cast<double>(held.size));  // of a block met with a chance of size / bytes
    count.first = count.blocks ? std::min(count.first, held.time) : held.time;
    count.last = count.blocks ? std::max(count.last, held.time) : held.time;
    ++count.blocks;
  }
  std::vector<HeldCount> result;
  for (auto& [key, sum] : sums) {
    std::tie(sum.count.process, sum.count.functions) = key;
    sum.count.bytes = sum.bytes < 1e18 ? static_cast<std::uint64_t>(sum.bytes) : UINT64_MAX;  // sizes are a stranger's numbers
    sum.count.error = sum.bytes > 0 ? std::sqrt(sum.variance) / sum.bytes : 0;
    result.push_back(std::move(sum.count));
  }
  std::stable_sort(result.begin(), result.end(), [](const HeldCount& a, const HeldCount& b) { return a.bytes > b.bytes; });
  return result;
}

bool held_explains_growth(const View& view, const HeldBlocks& blocks, std::optional<Timestamp> since) {
  const Timestamp begin = since.value_or(view.from());
  double held = 0, resident = 0;
  for (const HeldCount& count : count_held(view, blocks, begin)) held += static_cast<double>(count.bytes);
  for (const Growth& growth : view.timeline.growth)
    if (growth.kind == GrowthKind::kAnonymous && !growth.given_back && growth.time >= begin && growth.time <= view.to() && view.wants_thread(growth.thread))
      resident += static_cast<double>(growth.bytes);
  return held > 0 && held >= resident / 2;
}

}  // namespace fdr
