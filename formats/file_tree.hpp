// What really lies in a bundle's directory, whatever its manifest says: found by openat() with O_NOFOLLOW from its descriptor,
// bounded in number and depth. What is no regular file of a plain name is a problem, a sentence each, and is not entered. Pure but
// for the reading; throws Error where the directory cannot be opened.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fdr {

inline constexpr std::size_t kMaxBundleFiles = 10'000;

struct FileTree {
  struct File {
    std::string path;  // "system/at/meminfo.txt", of safe parts (bundle_files.hpp)
    std::uint64_t bytes = 0;
  };
  std::vector<File> files;            // by path
  std::vector<std::string> problems;  // "system/x: a symbolic link"; printable
};

FileTree list_bundle_files(const std::string& directory);

}  // namespace fdr
