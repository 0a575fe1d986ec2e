// A recording without the names of who recorded it: a model in, a model out, every string by its class (pseudonyms.hpp). What may leave
// is an allow-list: the fields of the manifest, of the trace, of modules.json and of the socket lists, each with its rule below; every
// other file is left out and said so (`with_text`: kernel log, logs and collectors' files go through redact_text.hpp). A field that is
// text for people is dropped. Figures, times, pids, errors and call numbers stay.
//
// Readable stay: the kernel's functions, those of system libraries and of the modules named in `keep_modules`; metrics' names; the rule's
// condition; a rule's name where it is made of fdr's own words. Pure. The bytes are a stranger's; damage is left out.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/bundle_reader.hpp"
#include "formats/json_text.hpp"
#include "formats/pack/pack.hpp"
#include "formats/pack/pseudonyms.hpp"

namespace fdr {

struct RedactOptions {
  std::vector<std::string> keep_modules;                   // by path or by file name
  std::vector<std::string> patterns;                       // POSIX extended; what is otherwise kept and matches is replaced
  std::function<bool(std::string_view)> is_metric;         // of the catalogue, without what stands in brackets
  bool with_text = false;                                  // free text may leave, scrubbed
};

struct Redacted {
  Manifest manifest;
  Timeline timeline;
  std::vector<ModuleSlice> slices;                                 // indexed like timeline.stacks.modules()
  std::vector<std::pair<std::string, std::string>> files;          // further files of the bundle: path, contents
  std::set<std::string> prose;                                     // those of them that are free text
  std::vector<LeftOut> left_out;
};

// Throws Error for a pattern that is none.
Redacted redact(const Bundle& bundle, const RedactOptions& options, Pseudonyms& pseudonyms);

// Facts of vendor.json that say nothing of whose host it is; packages of system libraries only.
Json redact_vendor(const Json& facts, Pseudonyms& pseudonyms);

}  // namespace fdr
