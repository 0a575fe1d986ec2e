// Names of code that a JIT compiler made, out of the perf map file that the program keeps of it (/tmp/perf-PID.map: lines
// "START SIZE NAME", tools/perf/Documentation/jit-interface.txt of the kernel). Only what stands around wanted addresses
// is kept. The file has no times: of several entries for an address the last one counts. Hostile: written by the target.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fdr {

class PerfMapNames {
 public:
  explicit PerfMapNames(std::vector<std::uint64_t> addresses);

  // The next part of the file, of any length; then finish(), for a last line without its newline.
  void feed(std::string_view bytes);
  void finish();

  // Of an address given to the constructor: valid UTF-8, at most kMaxName bytes; empty where there is none.
  const std::string& name(std::uint64_t address) const;
  // The file claims so much of these addresses that no compiler wrote it: the rest of it was not looked at.
  bool exhausted() const { return effort_ == 0; }

  static constexpr std::size_t kMaxName = 512;

 private:
  void take_line(std::string_view line);

  std::vector<std::uint64_t> addresses_;   // sorted, each once
  std::vector<std::uint32_t> name_of_;     // of each: index into names_
  std::vector<std::string> names_{""};
  std::string line_;                       // the beginning of one that has not ended yet
  std::uint64_t effort_ = 4'000'000;       // addresses named, again or anew, and bytes of names
};

// A name from a perf map as people know it: V8's "JS:*hot /srv/app/shop.js:12:3" is "*hot shop.js:12" (*, +, ^: how well
// it was compiled), python's "py::load:/srv/app/shop.py" is "py::load shop.py". What is not known is left as it is.
std::string readable_jit_name(std::string_view name);

}  // namespace fdr
