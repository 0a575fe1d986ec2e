// Where `fdr beat` arrives: a datagram socket of one name a datagram, drained before each evaluation. Senders never block: send_beat gives up at once on a full queue.
#pragma once

#include <string>
#include <vector>

#include "formats/file_descriptor.hpp"
#include "recorder/heartbeats/datagrams.hpp"

namespace fdr {

// A datagram socket at `path`, whatever was there before, with receive times. Throws Error.
FileDescriptor bind_datagrams(const std::string& path, mode_t mode);

class BeatSocket {
 public:
  explicit BeatSocket(const std::string& path);
  int descriptor() const { return socket_.get(); }
  // The text is the name, without the newline of an `echo`; nobody has checked it.
  std::vector<Datagram> drain();

 private:
  FileDescriptor socket_;
};

// To the recorders of these names. Returns the sockets that may not be sent to: they are for members of another group.
std::vector<std::string> send_beat(const std::string& name, const std::vector<std::string>& recorders);

}  // namespace fdr
