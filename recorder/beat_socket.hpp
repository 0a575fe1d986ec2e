// Where heartbeats arrive: a datagram socket of one name a datagram, drained before each evaluation, with the kernel's receive times, so that a
// late tick makes no heartbeat late (recording-rules 26). Senders never block: send_beat gives up at once on a full queue.
#pragma once

#include <string>
#include <vector>

#include "formats/clock.hpp"
#include "formats/file_descriptor.hpp"

namespace fdr {

class BeatSocket {
 public:
  explicit BeatSocket(const std::string& path);
  int descriptor() const { return socket_.get(); }
  struct Beat {
    std::string name;
    Timestamp time;
  };
  std::vector<Beat> drain();

 private:
  FileDescriptor socket_;
};

// To every recorder alive; how many took it.
int send_beat(const std::string& name);

}  // namespace fdr
