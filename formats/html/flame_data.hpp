// The flame graphs of the page: stacks merged into trees, each function once below its caller, with what it weighs before and
// since the onset. The smallest branches are merged where a tree would not fit. Pure.
#pragma once

#include "formats/html/name_table.hpp"
#include "formats/html/sides.hpp"

namespace fdr {

inline constexpr std::size_t kMaxFlameNodes = 6'000;

// [{"id", "title", "unit", "seconds": [quiet, incident, after], "nodes": [parent, name, quiet, incident, after, ...],
//   "left_out": branches merged}]: on the CPU, stalls, waits, growth, and other programs on the CPU; those with anything in them.
// A node's weight is its own, without its children's; the root is its own parent; parents come before their children.
Json flame_data(const View& view, const Sides& sides, NameTable& names);

}  // namespace fdr
