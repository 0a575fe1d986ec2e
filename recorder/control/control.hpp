// The control socket of a recorder: one request a connection, one JSON object each way. 0600, and
// who connects must be root or the recorder's user (SO_PEERCRED, unix(7)).
//
// Request {"verb": "status"|"dump"|"drill"|"now"|"mark", "text": "..."}; reply {"ok": true, ...} or {"error": ..., "hint": ...}. A reply may come
// much later (a dump takes `after` and the writing). The server never blocks the session: requests are bounded and read without waiting.
#pragma once

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
  // To be watched; -1 where somebody calls and there is no descriptor for him: it would be ready all the time. receive() tries again.
  int descriptor() const { return full_ ? -1 : socket_.get(); }
  bool full() const { return full_; }
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
  bool full_ = false;
};

// A reply, with its newline.
std::string ok_reply(const char* key, const std::string& value);
std::string error_reply(const std::string& error, const std::string& hint = {});

// Sends what fits at once and closes: a client that does not read loses its reply, not our time.
void reply(FileDescriptor connection, const std::string& line);

// Client side: sends one request and waits for the reply. Throws Error (also for a reply that is an error).
std::string ask_recorder(const std::string& recorder, const std::string& verb, const std::string& text);

}  // namespace fdr
