#include "recorder/sources/shared_mapping.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <string>

#include "formats/error.hpp"

namespace fdr {

SharedMapping::SharedMapping(int descriptor, std::size_t bytes, bool writable, const char* what) : bytes_(bytes) {
  address_ = ::mmap(nullptr, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor, 0);
  if (address_ == MAP_FAILED) {
    address_ = nullptr;
    throw system_error(std::string("map ") + what, errno);
  }
}

SharedMapping::~SharedMapping() {
  if (address_) ::munmap(address_, bytes_);
}

}  // namespace fdr
