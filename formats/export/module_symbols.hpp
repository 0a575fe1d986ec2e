// Names for a trace that was written without: ModuleSymbols packets to append to trace.pftrace, by which the Perfetto UI and
// trace_processor name the frames of its stacks, inlined functions, files and lines included. They find a frame by path,
// build-id and address, and want to be behind the stacks; our own reader stops before them (FdrEnd). Pure.
#pragma once

#include <string>

#include "formats/timeline.hpp"

namespace fdr {

// Of frames that have names in `names`; those that were named at the dump have theirs in the trace already. Of sampled stacks
// only: Perfetto knows no others, and counts symbols of unknown frames as errors.
std::string module_symbols(const Timeline& timeline, const FrameNames& names);

}  // namespace fdr
