#include "recorder/system/run_places.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace fdr {

std::string own_run_root() {
  if (::geteuid() == 0 || ::access(kRunRoot, W_OK) == 0 || (errno == ENOENT && ::access("/run", W_OK) == 0)) return kRunRoot;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime && *runtime == '/' && ::access(runtime, W_OK) == 0) return std::string(runtime) + "/fdr";
  return "/tmp/fdr-" + std::to_string(::geteuid());
}

std::vector<std::string> run_roots() {
  std::vector<std::string> all = {kRunRoot};
  struct stat info {};
  if (const std::string own = own_run_root(); own != kRunRoot && ::lstat(own.c_str(), &info) == 0 && info.st_uid == ::geteuid()) all.push_back(own);
  return all;
}

std::string run_directory_of(const std::string& name) {
  for (const std::string& root : run_roots())
    if (::access((root + "/" + name).c_str(), F_OK) == 0) return root + "/" + name;
  return own_run_root() + "/" + name;
}

}  // namespace fdr
