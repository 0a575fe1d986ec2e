// What a call worked on, as text: a path, a file's name, or the two ends of a socket.
#pragma once

#include <string>

#include "recorder/window/wire.h"

namespace fdr {

// Bounded by the record's own fixed size, whatever its length field says. Not yet printable(): that is the reader's last step.
std::string subject_text(const fdr_call& call);

}  // namespace fdr
