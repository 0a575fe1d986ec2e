// Writes what was put together for a bundle, or as much of it as there is room for (dump_rungs.hpp).
//
// Begins with a full bundle, unless the newest one of the directory, as a forecast, says that there is no room for one; never takes more
// than the disk has beyond keep_free. Where it does not fit after all (or memory ends) what was written is taken away, and a lower rung
// tried. One thread (the dumper).
#pragma once

#include <functional>
#include <string>

#include "formats/perfetto_writer.hpp"
#include "recorder/dump/dump_rungs.hpp"

namespace fdr {

struct BundlePlace {
  std::string directory, name;
  double keep_free_percent = 0;
  Rung lowest = Rung::kSummary;  // less than this is an error: it can be tried again, or written elsewhere
};

struct WrittenBundle {
  std::string path;
  std::string reduced;  // why it is not full, a sentence; empty where it is
  std::string hint;     // what would make the next one full
};

// `finish` fills a manifest as far as it is known outside, and may be called several times. Throws NoRoom where not even the lowest rung fits, and
// Error; what had been begun is gone then.
WrittenBundle write_stepwise(BundleParts& parts, const TraceTrigger& trigger, const BundlePlace& place, const std::function<void(Manifest&)>& finish);

}  // namespace fdr
