// `fdr pack`: one zip with a bundle and what its receiver needs beside it. Pure: what is read from the host comes in as text.
//
//   fdr-pack/README.txt      what this is, and how to read it with and without fdr
//   fdr-pack/report.html     the report, for a browser
//   fdr-pack/vendor.json     facts of the host that a vendor asks for, each with its value or the reason why there is none
//   fdr-pack/signature.txt   recognises the same fault elsewhere (signature.hpp)
//   fdr-pack/pack.json       case, note, what was left out, SHA-256 of the files above
//   fdr-pack/bundle.fdr/     the bundle: the files that its manifest names, and no others
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/json_text.hpp"
#include "formats/pack/signature.hpp"
#include "formats/pack/verify.hpp"

namespace fdr {

struct LeftOut {
  std::string path, why;
};

struct PackNotes {
  std::string case_id, note;
  bool redacted = false;
  std::vector<LeftOut> left_out;
};

// Everything of a pack but the bundle: paths below fdr-pack/ and contents. `bundle` is what is packed, with its names.
std::map<std::string, std::string> beside_bundle(const Bundle& bundle, const FrameNames& names, const Json& vendor, const PackNotes& notes);

// pack.json of these files.
std::string pack_json(const std::map<std::string, std::string>& beside, const Signature& signature, const PackNotes& notes);

// What is in the bundle's directory and does not go along, since the manifest does not name it.
std::vector<LeftOut> unnamed_files(const Bundle& bundle);

// Writes the zip; `output` appears whole or not at all. Throws Error, also where a file that the manifest names is not to be read.
void write_pack(const std::string& output, bool replace, const Bundle& bundle, const std::map<std::string, std::string>& beside);

// The check of the files beside the bundle in an extracted pack: those that pack.json names, with its checksums.
Check verify_beside_bundle(const std::string& pack_directory);

}  // namespace fdr
