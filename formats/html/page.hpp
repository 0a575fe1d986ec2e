// `fdr report --html`: the answer as one self-contained page, to be opened from file://, without a network.
//
// Nothing that came from a bundle is ever HTML: it is JSON in a data block (page_data.hpp), and the page's scripts put it
// into the document as text only. A Content-Security-Policy names our own scripts and styles by their SHA-256 and forbids
// everything else, network included: what slipped through would not run. Rows, branches, points and names are bounded in
// number and room (real pages are below 1 MB, one made to fill a disk below 5); what was left out is said on it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "formats/bundle_reader.hpp"

namespace fdr {

// `onset`: as given_onset() takes it, empty where it is to be found. Throws Error for a moment that is none.
std::string report_html(const Bundle& bundle, const FrameNames& names, std::string_view onset = {});

}  // namespace fdr
