// The stacks of a recording as a pprof profile (gzip), for `go tool pprof`, speedscope, Pyroscope, Parca.
//
// Four values a sample: on-CPU samples and their nanoseconds (a sample stands for one period of the clock), nanoseconds off CPU
// (stalls, whole, but those that were spent on the CPU: reclaim and compaction), bytes that became resident and still were
// (growth). Labels: process, pid, thread, tid, and the kind of a stall or of growth. Comments: the rule, the host, what was lost.
// Addresses are file offsets, each file at a made-up place of its own, where pprof's arithmetic for shared objects finds
// the right symbol; those of the kernel and of code without a file are as they were.
#pragma once

#include <string>

#include "formats/export/export_input.hpp"

namespace fdr {

enum class PprofFlavour {
  kNamed,  // functions, files, lines, inlined ones: readable everywhere
  kRaw,    // of files only build-ids and addresses, for tools that look names up themselves
};

std::string export_pprof(const ExportInput& in, PprofFlavour flavour);

}  // namespace fdr
