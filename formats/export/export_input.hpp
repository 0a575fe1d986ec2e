// What an export is made of: the bundle, what of it counts (the targets, the window, the filter), and the names of its frames.
// Samples and sums are those of `fdr show`, so that figures of another tool can be held against ours. References must
// outlive it.
#pragma once

#include <string>

#include "formats/bundle_reader.hpp"
#include "formats/figures/view.hpp"
#include "formats/stacks.hpp"

namespace fdr {

struct ExportInput {
  const Bundle& bundle;
  const FrameNames& names;
  const View& view;
  std::string called = {};  // BUNDLE as it was given: a pack is read from a directory of another name; empty: the bundle's path
};

}  // namespace fdr
