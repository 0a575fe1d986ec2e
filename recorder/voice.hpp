// What a recorder says while it runs: on stderr, one line each, never a control character of a target's.
#pragma once

#include <cstdio>
#include <string>

#include "formats/error.hpp"
#include "formats/text.hpp"

namespace fdr {

struct Voice {
  bool quiet = false;  // errors are told all the same

  void say(const std::string& text) const {
    if (!quiet) std::fprintf(stderr, "fdr: %s\n", printable(text).c_str());
  }
  void hint(const std::string& text) const {
    if (!quiet) std::fprintf(stderr, "fdr: hint: %s\n", printable(text).c_str());
  }
  static void complain(const std::string& what, const std::string& hint) {
    std::fprintf(stderr, "fdr: error: %s\n", printable(what).c_str());
    if (!hint.empty()) std::fprintf(stderr, "fdr: hint: %s\n", printable(hint).c_str());
  }
  static void complain(const Error& error) { complain(error.what(), error.hint()); }
};

}  // namespace fdr
