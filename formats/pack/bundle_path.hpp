// BUNDLE as reading commands take it: a directory, or a zip of fdr pack, which is extracted for as long as this object lives into a
// private directory (private_directory.hpp) and removed with it. Throws Error where the zip is refused (zip_file.hpp).
#pragma once

#include <memory>
#include <string>

namespace fdr {

class BundlePath {
 public:
  explicit BundlePath(const std::string& given);
  const std::string& bundle() const { return bundle_; }  // the directory
  // Where README.txt, pack.json, ... of the pack are; empty for a directory.
  const std::string& pack() const { return pack_; }

 private:
  class Extracted;
  std::shared_ptr<const Extracted> extracted_;
  std::string bundle_, pack_;
};

// What a pack holds, below one directory of its own: the bundle under a fixed name (never one out of a zip), and files about it.
inline constexpr const char* kPackRoot = "fdr-pack";
inline constexpr const char* kPackBundle = "bundle.fdr";

}  // namespace fdr
