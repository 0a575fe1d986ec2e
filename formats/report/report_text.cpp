// `fdr report` on a terminal: the first screen, then the sections.
#include "formats/report/report.hpp"
#include "formats/report/screen.hpp"
#include "formats/report/sections.hpp"

namespace fdr {

std::string report_text(const Bundle& bundle, const FrameNames& names, const std::vector<std::string>& module_notes,
                        const ReportStyle& style) {
  const View view(bundle.manifest, bundle.timeline, names);
  return first_screen(view, bundle.problems, style) +
         all_sections({view, bundle.problems, module_notes, bundle.path, style});
}

}  // namespace fdr
