#include "formats/figures/socket_list.hpp"

#include <algorithm>

#include "formats/error.hpp"
#include "formats/json_text.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostLine = 4096;

std::optional<std::string> text_of(const nlohmann::json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_string() ? std::optional(valid_utf8(found->get<std::string>())) : std::nullopt;
}

std::optional<std::uint64_t> count_of(const nlohmann::json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_number_unsigned() ? std::optional(found->get<std::uint64_t>()) : std::nullopt;
}

}  // namespace

SocketList read_sockets(std::string_view text) {
  SocketList list;
  while (!text.empty() && list.sockets.size() < kMostSockets) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty() || line.size() > kMostLine) continue;
    nlohmann::json row;
    try {
      row = parse_json(line, "sockets.ndjson");
    } catch (const Error&) {
      continue;
    }
    if (!row.is_object()) continue;
    if (!row.contains("local")) {
      list.whole = false;
      continue;
    }
    ListedSocket s;
    s.protocol = text_of(row, "protocol");
    s.state = text_of(row, "state");
    s.local = text_of(row, "local");
    s.remote = text_of(row, "remote");
    s.recv_q = count_of(row, "recv_q");
    s.send_q = count_of(row, "send_q");
    s.drops = count_of(row, "drops");
    s.rcvbuf = count_of(row, "rcvbuf");
    s.sndbuf = count_of(row, "sndbuf");
    s.rx_bytes = count_of(row, "rx_bytes");
    s.tx_bytes = count_of(row, "tx_bytes");
    s.inode = count_of(row, "inode");
    s.uid = count_of(row, "uid");
    s.pid = count_of(row, "pid");
    s.netns = count_of(row, "netns");
    list.sockets.push_back(std::move(s));
  }
  return list;
}

}  // namespace fdr
