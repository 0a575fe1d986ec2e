// What stands below the first screen of `fdr report`: each section a heading, a table, and the command that shows the
// whole of it. Sections without anything to say are left out.
#pragma once

#include <string>
#include <vector>

#include "formats/figures/view.hpp"
#include "formats/findings/findings.hpp"
#include "formats/table.hpp"

namespace fdr {

struct SectionInput {
  const View& view;
  const Judgement& judgement;
  const std::vector<std::string>& problems;
  const std::vector<std::string>& module_notes;
  const std::string& bundle_path;
  const BundleText& text;
  const ReportStyle& style;
};

std::string all_sections(const SectionInput& input);

}  // namespace fdr
