// The first screen: 24 lines of 80 columns for somebody on call at three in the morning. What fired and with which
// figure, who, where; how far the recording can be trusted; then where the CPU time went, what was called, and who
// stood still. Shared by `fdr report` and summary.txt.
#pragma once

#include <string>
#include <vector>

#include "formats/report/view.hpp"

namespace fdr {

inline constexpr std::size_t kScreenLines = 24;

// Never more than kScreenLines lines, each within style.columns. `problems` are those of reading the bundle.
std::string first_screen(const View& view, const std::vector<std::string>& problems, const ReportStyle& style);

// "obtained 65.0 s in every ring", "obtained 65.0 s; short: syscalls 2.1 s".
std::string obtained_text(const Manifest& manifest);
// Share of complete samples with the reasons of the others.
std::string completeness_text(const Manifest& manifest);
// What was lost, in sentences: the manifest's, then the reader's own.
std::vector<std::string> loss_sentences(const Manifest& manifest, const std::vector<std::string>& problems);

}  // namespace fdr
