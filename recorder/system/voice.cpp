#include "recorder/system/voice.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>

#include "formats/text.hpp"

namespace fdr {
namespace {

std::atomic<unsigned> unheard{0};

// Whether PIPE_BUF bytes can be written at once (pipe(7)); of a file or a terminal that is read always.
bool has_room() {
  pollfd stream{STDERR_FILENO, POLLOUT, 0};
  return ::poll(&stream, 1, 0) == 1;
}

void put(const std::string& line) {
  if (!has_room()) {
    ++unheard;
    return;
  }
  std::string text;
  if (const unsigned lost = unheard.exchange(0)) text = fmt::format("fdr: ({} lines before this found no room on stderr)\n", lost);
  text += line.substr(0, PIPE_BUF - text.size() - 1);
  text += '\n';
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

void Voice::say(const std::string& text) const {
  if (!quiet) put("fdr: " + printable(text));
}

void Voice::hint(const std::string& text) const {
  if (!quiet) put("fdr: hint: " + printable(text));
}

void Voice::complain(const std::string& what, const std::string& hint) {
  put("fdr: error: " + printable(what));
  if (!hint.empty()) put("fdr: hint: " + printable(hint));
}

}  // namespace fdr
