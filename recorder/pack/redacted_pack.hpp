// `fdr pack --redact`: from a bundle to one that may leave the house, and the private map of its names. The new bundle is written by the
// ordinary writer into a private directory, searched for every name that was replaced, and only then packed; a find in it ends the command,
// one in a file made out of it (report.html, ...) leaves that file out. Throws Error; nothing is written at the final names then.
#pragma once

#include <string>

#include "formats/bundle_reader.hpp"
#include "formats/pack/pack.hpp"
#include "formats/pack/redact.hpp"

namespace fdr {

struct RedactedPackOptions {
  std::string output;    // FILE.zip; the map is FILE.zip.map.json
  std::string key_file;  // empty: a new key, kept in the map
  bool force = false, preview = false;
  PackNotes notes;
  RedactOptions redact;
};

// What to print on stdout: with `preview` what would leave, else the signature.
std::string write_redacted_pack(const Bundle& bundle, const Json& vendor, RedactedPackOptions options);

}  // namespace fdr
