// The files of assets/ as they were when fdr was built (embed.cmake makes the bytes), and uPlot where npm had it: the page
// draws plainer charts without. uPlot's licence stands before its code, as it asks.
#pragma once

#include <string>
#include <string_view>

namespace fdr::assets {

std::string_view page();
std::string style();
std::string charts();  // uPlot, or nothing but a comment
std::string script();

}  // namespace fdr::assets
