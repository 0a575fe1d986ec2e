// What has come to a datagram socket, with the kernel's receive times, so that a late tick makes nothing late.
// Never blocks. The sender may be anyone: of each no more is kept than was asked for, and descriptors that came along are
// closed with the datagram at the latest.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "formats/clock.hpp"
#include "formats/file_descriptor.hpp"

namespace fdr {

struct Datagram {
  std::string text;
  Timestamp time;
  // Only where take_senders() was called.
  pid_t pid = 0;
  uid_t uid = static_cast<uid_t>(-1);
  std::vector<FileDescriptor> descriptors{};
  bool cut = false;  // it was longer
};

// Asks the kernel for receive times.
void stamp_datagrams(int socket);
// Asks it for the senders' credentials too (unix sockets), and keeps the descriptors that they pass.
void take_senders(int socket);

struct DatagramLimits {
  std::size_t count = 4096;  // at most so many; the rest stays for the next time
  std::size_t bytes = 64;    // of each
  bool descriptors = false;  // kept; else closed at once, or their sender keeps them alive in us
};
std::vector<Datagram> drain_datagrams(int socket, const DatagramLimits& limits = {});

}  // namespace fdr
