// The first screen: 24 lines of 80 columns for somebody on call at three in the morning. What fired and with which
// figure, since when, who, where; how far the recording can be trusted; the findings, and what is ruled out. Shared by
// `fdr report` and summary.txt.
#pragma once

#include <string>
#include <vector>

#include "formats/figures/view.hpp"
#include "formats/findings/findings.hpp"
#include "formats/table.hpp"

namespace fdr {

inline constexpr std::size_t kScreenLines = 24;

// Never more than kScreenLines lines, each within style.columns. `problems` are those of reading the bundle.
std::string first_screen(const View& view, const Judgement& judgement, const std::vector<std::string>& problems,
                         const ReportStyle& style);

// Where the CPU time went, what was called, who stood still: each with at most so many rows.
std::string overview(const View& view, const ReportStyle& style, std::size_t functions, std::size_t calls,
                     std::size_t stalls);

// "obtained 65.0 s in every ring", "obtained 65.0 s; short: syscalls 2.1 s".
std::string obtained_text(const Manifest& manifest);
// Share of complete samples with the reasons of the others.
std::string completeness_text(const Manifest& manifest);
// What was lost, in sentences: the manifest's, then the reader's own.
std::vector<std::string> loss_sentences(const Manifest& manifest, const std::vector<std::string>& problems);

}  // namespace fdr
