// The control socket of a recorder: one request a connection, one JSON object each way. 0600, and
// who connects must be root or the recorder's user (SO_PEERCRED, unix(7)).
//
// Request {"verb": "status"|"dump"|"drill"|"now"|"mark", "text": "..."}; reply {"ok": true, ...} or {"error": ..., "hint": ...}. A reply may come
// much later (a dump takes `after` and the writing). The server never blocks the session: requests are bounded and read without waiting.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/file_descriptor.hpp"

namespace fdr {

struct ControlRequest {
  std::string verb;
  std::string text;
  FileDescriptor connection;  // to reply on
};

class ControlServer {
 public:
  explicit ControlServer(const std::string& path);
  int descriptor() const { return socket_.get(); }
  // Requests that are complete; connections that have not said theirs yet are kept (at most 16).
  std::vector<ControlRequest> receive();
  // Descriptors of such connections, to be watched too.
  std::vector<int> waiting() const;

 private:
  struct Waiting {
    FileDescriptor connection;
    std::string bytes;
  };
  FileDescriptor socket_;
  std::vector<Waiting> waiting_;
};

// Sends what fits at once and closes: a client that does not read loses its reply, not our time.
void reply(FileDescriptor connection, const std::string& json);

// Client side: sends one request and waits for the reply. Throws Error (also for a reply that is an error).
std::string ask_recorder(const std::string& recorder, const std::string& verb, const std::string& text);

}  // namespace fdr
