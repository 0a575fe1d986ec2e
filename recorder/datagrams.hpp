// What has come to a datagram socket, with the kernel's receive times, so that a late tick makes nothing late
// (recording-rules 26). Never blocks. The sender may be anyone: at most 63 bytes of each are kept, descriptors that came along are
// closed.
#pragma once

#include <string>
#include <vector>

#include "formats/clock.hpp"

namespace fdr {

struct Datagram {
  std::string text;
  Timestamp time;
};

// Asks the kernel for receive times.
void stamp_datagrams(int socket);
// At most 4096 of them; the rest stays for the next time.
std::vector<Datagram> drain_datagrams(int socket);

}  // namespace fdr
