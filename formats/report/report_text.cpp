// `fdr report` on a terminal: the first screen, then the findings in full and the sections.
#include "formats/findings/findings.hpp"
#include "formats/report/report.hpp"
#include "formats/report/screen.hpp"
#include "formats/report/sections.hpp"

namespace fdr {

std::string report_text(const Bundle& bundle, const FrameNames& names, const std::vector<std::string>& module_notes,
                        const ReportStyle& style, std::string_view onset) {
  const View view(bundle.manifest, bundle.timeline, names);
  const BundleText text = texts_of(bundle);
  const Judgement judgement = judge(view, text, onset);
  return first_screen(view, judgement, bundle.problems, style) +
         all_sections({view, judgement, bundle.problems, module_notes, bundle.path, text, style});
}

}  // namespace fdr
