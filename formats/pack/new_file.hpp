// A file that appears whole or not at all: written under another name beside it (0600, O_EXCL, O_NOFOLLOW), synced, renamed by
// publish(). Given up, it leaves nothing. Never over a file that is there, unless told to. Throws Error. One thread.
#pragma once

#include <string>
#include <string_view>

#include "formats/file_descriptor.hpp"

namespace fdr {

class NewFile {
 public:
  // Refuses at once where `path` exists and `replace` is not set.
  NewFile(const std::string& path, bool replace);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  int fd() const { return fd_.get(); }
  void write(std::string_view bytes);
  void publish();

 private:
  std::string path_, temporary_;
  bool replace_, published_ = false;
  FileDescriptor fd_;
};

}  // namespace fdr
