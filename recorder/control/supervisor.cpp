#include "recorder/control/supervisor.hpp"

#include <fmt/format.h>
#include <unistd.h>


#include "recorder/heartbeats/beat_socket.hpp"
#include "recorder/heartbeats/datagrams.hpp"

namespace fdr {
namespace {

constexpr DatagramLimits kLimits{.count = 256, .bytes = 4096, .descriptors = true};  // systemd takes 4096 bytes of one (NOTIFY_BUFFER_MAX)
constexpr mode_t kAnyone = 0666;  // the command may have become another user by now; the credentials decide

}  // namespace

Supervisor::Supervisor(const std::string& mode, const std::vector<HeartbeatConfig>& heartbeats, const std::string& socket)
    : watch_(mode == "run" ? heartbeats : std::vector<HeartbeatConfig>{}), for_ourselves_(mode != "run"), path_(socket) {
  if (!watch_.wanted()) return;
  socket_ = bind_datagrams(path_, kAnyone);
  take_senders(socket_.get());
}

std::vector<std::string> Supervisor::command_environment() const {
  if (!watch_.wanted()) return {};
  const auto interval = std::chrono::duration_cast<std::chrono::microseconds>(watch_.interval(manager_.watchdog()));
  // Without WATCHDOG_PID it is for the command's children too: a shell in front of the daemon changes nothing.
  return {"NOTIFY_SOCKET=" + path_, fmt::format("WATCHDOG_USEC={}", interval.count()), "WATCHDOG_PID"};
}

void Supervisor::hear(Heartbeats& beats, const std::function<bool(pid_t)>& ours) {
  if (!socket_.valid()) return;
  const std::vector<Datagram> datagrams = drain_datagrams(socket_.get(), kLimits);
  if (!datagrams.empty()) ++heard_;
  for (const Datagram& datagram : datagrams) {
    // As systemd does: what is cut is not understood. The descriptors of a barrier are closed with it, which is the answer.
    if (datagram.cut || (datagram.uid != 0 && !ours(datagram.pid))) continue;
    const NotifyMessage message = parse_notify(datagram.text);
    watch_.took(message, datagram.time, beats);
    const std::string lines = passed_on(datagram.text, ::getpid());
    if (lines.empty()) continue;
    std::vector<int> descriptors;
    if (!message.barrier)
      for (const FileDescriptor& descriptor : datagram.descriptors) descriptors.push_back(descriptor.get());
    manager_.tell(lines, descriptors);
  }
}

void Supervisor::tick(Timestamp now, Heartbeats& beats, bool command_ended) {
  heard_ = 0;
  watch_.advance(now, beats);
  // Of the command only itself may say so; once it has ended, we are who is waited for: a bundle is being written.
  if (for_ourselves_ || (watch_.wanted() && command_ended)) manager_.alive(now);
}

void Supervisor::reloading(Timestamp now) {
  own(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", to_ns(now) / 1000));
}

void Supervisor::own(const std::string& lines) {
  if (for_ourselves_) manager_.tell(lines);
}

}  // namespace fdr
