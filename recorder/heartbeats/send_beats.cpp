#include "recorder/heartbeats/send_beats.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>

namespace fdr {
namespace {

bool is_sender(const HeartbeatConfig& beat, const ProcessTable& table, std::int32_t pid) {
  if (beat.comm.empty()) return true;
  const auto key = table.live_process(pid);
  if (!key) return false;
  const auto tracked = table.processes().find(*key);
  return tracked != table.processes().end() && (tracked->second.process.name == beat.comm || tracked->second.process.target == beat.comm);
}

}  // namespace

std::string peer_text(const fdr_send_key& key) {
  char text[INET6_ADDRSTRLEN] = "?";
  // What a socket of both families sends to an IPv4 address is the same peer: ::ffff:a.b.c.d.
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool mapped = key.family == AF_INET6 && std::equal(std::begin(kMapped), std::end(kMapped), std::begin(key.address));
  if (key.family == AF_INET || mapped) {
    ::inet_ntop(AF_INET, key.address + (mapped ? sizeof kMapped : 0), text, sizeof text);
    return fmt::format("{}:{}", text, key.port);
  }
  ::inet_ntop(AF_INET6, key.address, text, sizeof text);
  return fmt::format("[{}]:{}", text, key.port);
}

SendBeats::SendBeats(const std::vector<HeartbeatConfig>& heartbeats) {
  std::copy_if(heartbeats.begin(), heartbeats.end(), std::back_inserter(heartbeats_),
               [](const HeartbeatConfig& beat) { return beat.from == BeatSource::kSend; });
}

void SendBeats::advance(const std::vector<std::pair<fdr_send_key, fdr_send>>& sends, const ProcessTable& processes, Heartbeats& beats) {
  std::unordered_map<std::string, std::uint64_t> seen;
  for (const auto& [key, send] : sends) {
    const std::string bytes(reinterpret_cast<const char*>(&key), sizeof key);
    const auto before = last_.find(bytes);
    seen.emplace(bytes, send.count);
    if (before != last_.end() && before->second == send.count) continue;
    for (const HeartbeatConfig& beat : heartbeats_) {
      if ((beat.port && beat.port != key.port) || !is_sender(beat, processes, static_cast<std::int32_t>(key.tgid))) continue;
      beats.beat(beat.name, from_ns(send.last_ns), beat.by_peer ? peer_text(key) : "");
    }
  }
  last_ = std::move(seen);
}

}  // namespace fdr
