#include "recorder/config_file/config_outside.hpp"

#include <algorithm>
#include <array>

#include "recorder/config_file/config_section.hpp"
#include "recorder/endpoints/probe_address.hpp"

namespace fdr {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kLeastBytes = 1u << 10, kMostBytes = 64u << 20;  // of one collector, kept in memory until it is written

constexpr std::array kSources = {std::pair{"beat", BeatSource::kBeat},   std::pair{"http", BeatSource::kHttp},
                                 std::pair{"tcp", BeatSource::kTcp},     std::pair{"mtime", BeatSource::kMtime},
                                 std::pair{"command", BeatSource::kCommand}, std::pair{"udp", BeatSource::kUdp},
                                 std::pair{"send", BeatSource::kSend},
                                 std::pair{"notify", BeatSource::kNotify}};
constexpr std::array kBy = {std::pair{"any", false}, std::pair{"peer", true}};

// A key that only some sources know: refused for the others, because ignoring it would be silence.
bool belongs(Section& section, const char* key, bool here, const char* to) {
  if (section.get(key) && !here) section.refuse(key, fmt::format("'{}' belongs to heartbeats {}", key, to));
  if (here) section.required(key);
  return here;
}

void read_port(Section& section, HeartbeatConfig& beat) {
  const bool wanted = beat.from == BeatSource::kTcp || beat.from == BeatSource::kUdp;
  if (section.get("host") && !wanted) section.refuse("host", "'host' belongs to heartbeats from tcp or udp");
  section.string("host", beat.host);
  if (beat.from == BeatSource::kSend) {
    section.integer("port", beat.port, 1, 65535);  // without one: whatever it sends, to whomever
    return;
  }
  if (belongs(section, "port", wanted, "from tcp, udp or send")) section.integer("port", beat.port, 1, 65535);
  if (wanted && !numeric_address(beat.host, 1)) {
    section.refuse("host", in_quotes(beat.host) + " is not an address in figures",
                   "looking a name up could block: `getent hosts NAME` says its address");
  }
}

void read_send(Section& section, HeartbeatConfig& beat) {
  for (const char* key : {"comm", "by"})
    if (section.get(key) && beat.from != BeatSource::kSend) section.refuse(key, fmt::format("'{}' belongs to heartbeats from send", key));
  section.string("comm", beat.comm);
  section.one_of("by", beat.by_peer, kBy);
}

void read_url(Section& section, HeartbeatConfig& beat) {
  if (!belongs(section, "url", beat.from == BeatSource::kHttp, "from http")) return;
  read_http_url(section, "url", beat.url);
}

}  // namespace

void read_http_url(Section& section, const char* key, std::string& url) {
  section.string(key, url);
  if (section.get(key) && !parse_http_url(url)) {
    section.refuse(key, in_quotes(url) + " is not an address that is asked",
                   "http://ADDRESS:PORT/PATH with an address in figures or localhost; for all else a command with curl");
  }
}

HeartbeatConfig read_heartbeat(Section& section) {
  HeartbeatConfig beat;
  section.required("name");
  section.name("name", beat.name);
  section.one_of("from", beat.from, kSources);
  section.later({"mode", "group"});
  section.required("every");
  section.duration("every", beat.every, 1ms, 24h, "400ms");
  section.integer("misses", beat.misses, 1, 1000);
  read_url(section, beat);
  read_port(section, beat);
  read_send(section, beat);
  if (belongs(section, "path", beat.from == BeatSource::kMtime, "from mtime")) section.absolute_path("path", beat.path);
  if (belongs(section, "command", beat.from == BeatSource::kCommand, "from command")) section.command("command", beat.command);
  const bool asks = beat.from == BeatSource::kHttp || beat.from == BeatSource::kTcp || beat.from == BeatSource::kCommand;
  if (section.get("timeout") && !asks) section.refuse("timeout", "'timeout' belongs to heartbeats from http, tcp or command");
  beat.timeout = std::min<Duration>(beat.every, 5s);
  section.duration("timeout", beat.timeout, 1ms, beat.every, "1s");
  if (asks && beat.misses < 2) {
    section.refuse("misses", "a probe is answered a little after it was due, so that one miss says nothing", "misses = 2, or more");
  }
  beat.where = section.source().place(section.region());
  return beat;
}

CollectorConfig read_collector(Section& section) {
  CollectorConfig collector;
  section.required("name");
  section.name("name", collector.name);
  if (collector.name.ends_with(".armed") || collector.name.ends_with(".hourly"))
    section.refuse("name", "a collector's name cannot end so: its files would be taken for another's", "another name");
  section.required_one_of({"command", "file"});
  section.command("command", collector.command);
  section.absolute_path("file", collector.file);
  if (section.get("command") && section.get("file")) section.refuse("file", "a collector has a 'command' or a 'file', not both");
  std::vector<std::string> at = {"fired"};
  if (section.get("at")) at.clear();
  section.words("at", at, "at = [\"armed\", \"hourly\", \"fired\"], or some of them");
  collector.fired = false;
  const std::array moments = {std::pair{"armed", &collector.armed}, std::pair{"hourly", &collector.hourly},
                              std::pair{"fired", &collector.fired}};
  for (const std::string& word : at) {
    const auto moment = std::find_if(moments.begin(), moments.end(), [&](const auto& known) { return word == known.first; });
    if (moment == moments.end()) section.refuse("at", "'at' cannot be " + in_quotes(word), "one or more of: armed, hourly, fired");
    *moment->second = true;
  }
  section.duration("timeout", collector.timeout, 10ms, 5min, "5s");
  section.size("max_bytes", collector.max_bytes, kLeastBytes, "10MB");
  if (collector.max_bytes > kMostBytes) section.refuse("max_bytes", "'max_bytes' must be between 1KB and 64MB");
  collector.where = section.source().place(section.region());
  return collector;
}

}  // namespace fdr
