// What the configuration asks of the recorder outside itself: [[heartbeat]], with its probes, and [[collect]].
#pragma once

#include "recorder/config.hpp"

namespace fdr {

class Section;

// Throw Error "FILE:LINE:COLUMN: ...".
HeartbeatConfig read_heartbeat(Section& section);
CollectorConfig read_collector(Section& section);

}  // namespace fdr
