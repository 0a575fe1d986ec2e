// `fdr verify`: whether a bundle is what its recorder wrote. Each check is one line with its verdict; `ok` is all of them. A short or
// lossy recording is no failure: that is the grade's. Checksums find damage, not forgery: who can change a file can change the manifest.
// Throws Error where there is no bundle at all; everything else is a failed check.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/findings/grade.hpp"

namespace fdr {

struct Check {
  std::string name;  // "format", "files", "trace", "modules", "manifest"
  bool ok = true;
  std::string text;                   // what was found
  std::vector<std::string> problems;  // one each, printable, at most 20
};

struct Verification {
  int format = 0;
  std::string fdr_version;
  std::uint64_t files = 0, bytes = 0;
  std::vector<Check> checks;
  Grade grade;
  bool ok() const;
};

Verification verify_bundle(const std::string& directory);

std::string verification_text(const Verification& verification);
std::string verification_json(const Verification& verification);

}  // namespace fdr
