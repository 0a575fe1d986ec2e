// What the configuration asks of the recorder outside itself: [[heartbeat]], with its probes, and [[collect]] (config_outside.cpp);
// [[log]], [[metric]] and [[notify]] (config_watched.cpp).
#pragma once

#include "recorder/config/config.hpp"

namespace fdr {

class Section;

// Throw Error "FILE:LINE:COLUMN: ...".
HeartbeatConfig read_heartbeat(Section& section);
CollectorConfig read_collector(Section& section);
LogConfig read_log(Section& section);
UserMetricConfig read_user_metric(Section& section);
NotifyConfig read_notify(Section& section);
// An endpoint in `key`, where it is there: refused unless it is one that is asked.
void read_http_url(Section& section, const char* key, std::string& url);

}  // namespace fdr
