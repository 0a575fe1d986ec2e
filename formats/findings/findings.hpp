// The judgement of a bundle: since when, and every finding in the order they are read: what is for, by score; then what is
// ruled out; then what could not be measured. The list of families lives here.
#pragma once

#include <string_view>

#include "formats/bundle_reader.hpp"
#include "formats/findings/evidence.hpp"
#include "formats/findings/finding.hpp"

namespace fdr {

Findings all_findings(const Evidence& evidence);

struct Judgement {
  Onset onset;
  Findings findings;
};

// `onset` as given_onset() takes it; empty: found. Throws Error where it is no moment of the window.
Judgement judge(const View& view, BundleText text, std::string_view onset = {});

// Text files of a bundle, each read once; those its manifest does not list are not there. `bundle` must outlive it.
BundleText texts_of(const Bundle& bundle);

}  // namespace fdr
