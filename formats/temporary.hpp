// Where what lives no longer than we do is put: TMPDIR, or /tmp; and a file there that has no name. Any thread.
#pragma once

#include <string>

#include "formats/file_descriptor.hpp"

namespace fdr {

std::string temporary_place();

// Empty, for reading and writing, gone with its last descriptor: in memory (memfd_create(2)), on kernels before 3.17 an unlinked file in
// temporary_place(). `label` is what /proc/PID/fd calls it. Invalid, with errno, where neither can be had.
FileDescriptor nameless_file(const char* label);

}  // namespace fdr
