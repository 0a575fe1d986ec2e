// How the modules of a recording got the names of their functions, and what would help where they did not: sentences for
// the end of a report, the poorest first, what is named whole in one line. Runtimes that compile at run time are told by
// the name of their program, and the remedy is theirs. Pure; the text still has to pass printable().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/modules.hpp"
#include "formats/timeline.hpp"

namespace fdr {

std::vector<std::string> module_notes(const Timeline& timeline, const std::vector<ModuleNaming>& naming);

// What would name more of this module: "start it with --perf-basic-prof", ...; the naming's own problem else.
std::string naming_help(const Timeline& timeline, const ModuleNaming& naming);

// For a program that compiles at run time, by the name of its file or process: what makes it tell its functions' names.
// nullptr for others.
const char* runtime_remedy(std::string_view program);

}  // namespace fdr
