// How complete a recording is, in one word with its reasons: what a reader must know before believing an absence.
//
//   complete  nothing asked for is missing
//   reduced   something is, and less than half of any one thing
//   poor      more than half of something: seconds of a ring, roots of stacks, or the bundle itself is partial or damaged
//
// Nothing is missing of what was before the recorder was armed, nor of single calls, of which only what fits is promised: exact sums, slow and
// failed calls are kept of the whole window.
//
// Pure: from the manifest and what was met while reading. Reasons are printable.
#pragma once

#include <string>
#include <vector>

#include "formats/bundle_reader.hpp"

namespace fdr {

struct Grade {
  std::string word;
  std::vector<std::string> reasons;  // empty for "complete"
};

Grade grade_of(const Bundle& bundle);

}  // namespace fdr
