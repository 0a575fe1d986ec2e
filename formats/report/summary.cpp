// summary.txt: the first screen as it can be said on the spot, with the names that travel in the bundle.

#include "formats/findings/findings.hpp"
#include "formats/report/report.hpp"
#include "formats/report/screen.hpp"

namespace fdr {

std::string summary_text(const Manifest& manifest, const Timeline& timeline, const FrameNames& names) {
  const View view(manifest, timeline, names);
  return first_screen(view, judge(view, {}), {}, ReportStyle{}) +
         "\nWritten at the dump: `fdr report` of this directory tells the rest, with inlined functions and lines where "
         "the files are.\n";
}

}  // namespace fdr
