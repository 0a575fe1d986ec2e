// summary.txt: the first screen as it can be said on the spot. Kernel functions have their names by then, the others
// are module+offset.
#include <fmt/format.h>

#include "formats/findings/findings.hpp"
#include "formats/report/report.hpp"
#include "formats/report/screen.hpp"

namespace fdr {

std::string summary_text(const Manifest& manifest, const Timeline& timeline) {
  const FrameNames none;
  const View view(manifest, timeline, none);
  return first_screen(view, judge(view, {}), {}, ReportStyle{}) +
         "\nWritten at the dump, before user functions were named: `fdr report` of this directory names them and tells "
         "the rest.\n";
}

}  // namespace fdr
