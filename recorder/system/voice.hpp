// What a recorder says while it runs: on stderr, one line each, never a control character of a target's.
//
// A line for which there is no room now (a full pipe that nobody reads, a terminal that was stopped with ^S) is not waited for: ticks and the
// command's signals would wait with it. The next one says how many were lost. Any thread.
#pragma once

#include <string>

#include "formats/error.hpp"

namespace fdr {

struct Voice {
  bool quiet = false;  // errors are told all the same

  void say(const std::string& text) const;
  void hint(const std::string& text) const;
  static void complain(const std::string& what, const std::string& hint);
  static void complain(const Error& error) { complain(error.what(), error.hint()); }
};

}  // namespace fdr
