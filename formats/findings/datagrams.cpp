// Datagrams: dropped since a receive buffer was full, by socket, and cut since the reader's buffer was short.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "formats/findings/families.hpp"
#include "formats/findings/text_figures.hpp"
#include "formats/syscall_names.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

struct DatagramSocket {
  std::uint64_t queued = 0, inode = 0, drops = 0;
  std::string address;
};

// Rows of /proc/net/udp.
std::vector<DatagramSocket> sockets_of(std::string_view text) {
  std::vector<DatagramSocket> sockets;
  for (const std::string_view line : lines_of_text(text)) {
    const auto words = words_of(line);
    if (words.size() < 13) continue;
    const std::string address = socket_address(words[1]);
    const auto inode = number_of(words[9]), drops = number_of(words[12]);
    const std::size_t colon = words[4].find(':');
    const auto queued = colon == std::string_view::npos ? std::nullopt : number_of(words[4].substr(colon + 1), 16);
    if (address.empty() || !inode || !drops) continue;
    sockets.push_back({queued.value_or(0), *inode, *drops, address});
  }
  return sockets;
}

struct Owner {
  std::int32_t pid = 0;
  std::uint64_t descriptor = 0;
};

std::map<std::uint64_t, Owner> socket_owners(const Evidence& ev) {
  std::map<std::uint64_t, Owner> owners;
  for (const std::int32_t pid : ev.view.manifest.target.pids) {
    const std::string fds = ev.process_part(pid, "fds.txt");
    for (const std::string_view line : lines_of_text(fds)) {
      const auto words = words_of(line);
      if (words.size() < 2) continue;
      const auto fd = number_of(words[0]), inode = socket_inode(words[1]);
      if (fd && inode) owners[*inode] = {pid, *fd};
    }
  }
  return owners;
}

bool receives(const SyscallCall& call) {
  static const std::array numbers = {syscall_number("recvfrom"), syscall_number("recvmsg"), syscall_number("read")};
  return call.abi == SyscallAbi::kNative && std::any_of(numbers.begin(), numbers.end(), [&](const auto& n) { return n && *n == call.number; });
}

// The thread that receives on a descriptor of a process most often.
std::string receiver(const Evidence& ev, const Owner& owner) {
  std::map<std::uint32_t, std::uint64_t> threads;
  for (const SyscallCall& call : ev.view.timeline.syscalls) {
    if (!receives(call) || call.argument != owner.descriptor) continue;
    const Thread* thread = thread_at(ev.view.timeline, call.thread);
    const Process* process = thread ? process_at(ev.view.timeline, thread->process) : nullptr;
    if (process && process->pid == owner.pid) ++threads[call.thread];
  }
  const auto most = std::max_element(threads.begin(), threads.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == threads.end() ? "" : ev.view.labels.thread(most->first);
}

Finding drops(const Evidence& ev) {
  const char* title = "datagrams: UDP drops for want of receive buffer";
  const Change errors = ev.change("host.net.udp.rcvbuf_errors");
  if (!errors.known) return not_measurable("udp-drops", title, "host.net.udp.rcvbuf_errors was not recorded");
  const std::string figures = fmt::format("UDP receive buffer errors {} before, {} since", per_second(errors.quiet), per_second(errors.incident));
  if (errors.incident < 1 && errors.most < 10) return speaks_against("udp-drops", title, figures);
  if (!ev.alarmed || (errors.compared && errors.incident < 2 * errors.quiet + 1)) return not_measurable("udp-drops", title, figures + ": no more than before");
  const auto owners = socket_owners(ev);
  auto sockets = sockets_of(ev.text("system/at/net_udp"));
  std::stable_sort(sockets.begin(), sockets.end(), [](const auto& a, const auto& b) { return a.drops > b.drops; });
  for (const DatagramSocket& socket : sockets) {
    if (socket.drops == 0) break;
    const auto owner = owners.find(socket.inode);
    if (owner == owners.end()) continue;
    const std::string who = receiver(ev, owner->second);
    std::string text = fmt::format("{}; socket {} (descriptor {}{}) had dropped {} at the firing, {} bytes wait in its receive buffer", figures, socket.address, owner->second.descriptor,
                                   who.empty() ? "" : ", read by " + who, count_text(socket.drops), count_text(socket.queued));
    return speaks_for("udp-drops", fmt::format("datagrams: UDP socket {} drops, its receive buffer is full", socket.address), 0.9, text, "fdr show BUNDLE system/at/net_udp");
  }
  return speaks_for("udp-drops", "datagrams: UDP sockets of the host drop", 0.6, figures + "; the socket is none of the targets', or not listed", "fdr show BUNDLE system/at/net_udp");
}

// Results that are pinned to one length while shorter ones vary: that length is the reader's buffer, and what is longer
// was cut. A stream may fill its reader's buffer rightly, so only sockets that are UDP are judged.
Finding cuts(const Evidence& ev) {
  const char* title = "cut reads: datagrams longer than the reader's buffer";
  std::map<std::pair<std::int32_t, std::uint64_t>, std::string> udp;
  const auto owners = socket_owners(ev);
  for (const char* table : {"system/at/net_udp", "system/at/net_udp6"})
    for (const DatagramSocket& socket : sockets_of(ev.text(table)))
      if (const auto owner = owners.find(socket.inode); owner != owners.end()) udp[{owner->second.pid, owner->second.descriptor}] = socket.address;
  if (udp.empty()) return not_measurable("cut-reads", title, "no UDP socket of the targets in this bundle");
  struct Lengths {
    std::map<std::int64_t, std::uint64_t> since;
    std::int64_t longest_before = 0;
    std::uint64_t calls = 0;
  };
  std::map<std::pair<std::int32_t, std::uint64_t>, Lengths> read;
  for (const SyscallCall& call : ev.view.timeline.syscalls) {
    if (!receives(call) || call.result <= 0) continue;
    const Thread* thread = thread_at(ev.view.timeline, call.thread);
    const Process* process = thread ? process_at(ev.view.timeline, thread->process) : nullptr;
    if (!process || !udp.contains({process->pid, call.argument})) continue;
    Lengths& lengths = read[{process->pid, call.argument}];
    // The onset is known to a tick or two: the last second of quiet may be none.
    if (ev.side(call.begin) == Side::kQuiet && to_seconds(ev.begin - call.begin) > 1) lengths.longest_before = std::max(lengths.longest_before, call.result);
    if (ev.side(call.begin) != Side::kIncident) continue;
    ++lengths.calls;
    ++lengths.since[call.result];
  }
  std::uint64_t calls = 0;
  for (const auto& [key, lengths] : read) {
    calls += lengths.calls;
    if (lengths.since.size() < 2) continue;
    const auto& [longest, pinned] = *lengths.since.rbegin();
    // A buffer has a round length; before the onset nothing came near it.
    const bool round = longest % 64 == 0 || (longest + 1) % 64 == 0;
    if (pinned < 50 || pinned * 100 < lengths.calls || !ev.has_quiet || ev.by_baseline || lengths.longest_before >= longest) continue;
    // A read that asks for it (MSG_TRUNC) is told the true length: then the buffer's is not known, only that these are new.
    if (!round && lengths.longest_before > 0 && longest >= 2 * lengths.longest_before)
      return speaks_for("cut-reads", fmt::format("datagrams longer than any before: {} bytes at {}", longest, udp[key]), 0.5,
                        fmt::format("{} of {} datagrams since the onset are of {} bytes, before none was longer than {}: cut, if the reader's buffer is made for those", count_text(pinned),
                                    count_text(lengths.calls), longest, lengths.longest_before),
                        "fdr show BUNDLE calls");
    if (!round) continue;
    const auto next = std::next(lengths.since.rbegin());
    return speaks_for("cut-reads", fmt::format("cut reads: {} is read into {} bytes", udp[key], longest), 0.7,
                      fmt::format("{} of {} datagrams since the onset came as exactly {} bytes, none longer, the next shorter length is {}; before the longest was {}: what is longer than {} is cut",
                                  count_text(pinned), count_text(lengths.calls), longest, next->first, lengths.longest_before, longest),
                      "fdr show BUNDLE calls");
  }
  if (calls == 0) return not_measurable("cut-reads", title, "no datagram was received in the calls that were kept");
  return speaks_against("cut-reads", title, fmt::format("{} datagrams, none pinned to a buffer's length", count_text(calls)));
}

}  // namespace

Findings find_datagrams(const Evidence& ev) { return {drops(ev), cuts(ev)}; }

}  // namespace fdr
