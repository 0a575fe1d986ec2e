#include "formats/temporary.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace fdr {

std::string temporary_place() {
  const char* chosen = ::secure_getenv("TMPDIR");
  return chosen && chosen[0] == '/' ? chosen : "/tmp";
}

FileDescriptor nameless_file(const char* label) {
  FileDescriptor file(::memfd_create(label, MFD_CLOEXEC));
  if (file.valid() || errno != ENOSYS) return file;
  std::string path = temporary_place() + "/" + label + "-XXXXXX";
  file = FileDescriptor(::mkostemp(path.data(), O_CLOEXEC));
  if (file.valid()) ::unlink(path.c_str());
  return file;
}

}  // namespace fdr
