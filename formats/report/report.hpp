// The answer on one screen, and the parts behind it, as text or JSON. Pure: a bundle and the names go in, text comes
// out.
//
// Every figure that is a share says of how many samples. Everything that came from outside passes printable().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/bundle_reader.hpp"
#include "formats/figures/view.hpp"
#include "formats/stacks.hpp"
#include "formats/table.hpp"

namespace fdr {

// `fdr report`: first screen of 24 lines, then the details. `module_notes`: one line a module that could not be named,
// and what would help. `onset`: as given_onset() takes it, empty where it is to be found.
std::string report_text(const Bundle& bundle, const FrameNames& names, const std::vector<std::string>& module_notes,
                        const ReportStyle& style, std::string_view onset = {});
std::string report_json(const Bundle& bundle, const FrameNames& names, std::string_view onset = {});

// `fdr show PART`: one of show_parts(), or a file of the bundle by its path (as JSON: one string). Unknown parts throw Error with the list.
const std::vector<std::string>& show_parts();  // timeline stacks threads syscalls slow failed stalls metrics ...
std::string show_text(const Bundle& bundle, const FrameNames& names, std::string_view part, const ShowFilter& filter,
                      const ReportStyle& style);
std::string show_json(const Bundle& bundle, const FrameNames& names, std::string_view part, const ShowFilter& filter);

// summary.txt: written at the dump, with the names that can be had on the spot.
std::string summary_text(const Manifest& manifest, const Timeline& timeline, const FrameNames& names = {});

}  // namespace fdr
