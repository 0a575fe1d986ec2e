#include "unwind/plain_file.hpp"

#include <sys/stat.h>

namespace fdr {

bool is_plain_or_absent(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

std::string path_from(const std::string& base, const std::string& directory, const std::string& file) {
  const auto join = [](const std::string& front, const std::string& back) { return front.empty() || back.starts_with('/') ? back : front + "/" + back; };
  return join(base, join(directory, file));
}

}  // namespace fdr
