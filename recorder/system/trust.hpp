// Whose word a recorder takes for what it runs: a configuration, or a program that it names, is used only where nobody but root and the
// caller can change it, neither the file nor a directory on its way (a sticky one like /tmp excepted: there nobody renames what is
// another's). Who can write what root runs is root.
//
// The caller is the effective user, under sudo(8) also who called it: the file is his own, and so was the command. And who could put another
// program in the place of this one (its file, a directory on its way, as in a build tree) needs no configuration to do so. Any thread.
#pragma once

#include <string>

#include "recorder/config/config.hpp"

namespace fdr {

// Why somebody else could change what is at `path` (links followed): a sentence. Empty where nobody can, or where there is nothing.
std::string why_not_trusted(const std::string& path);

// Throws Error with the remedy. `file`: the configuration's, empty where there is none. Programs that are not there yet are looked at again
// when they are run.
void require_trusted(const Config& config, const std::string& file);

}  // namespace fdr
