#include "recorder/heartbeats/probes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "formats/error.hpp"
#include "recorder/endpoints/connect_probe.hpp"
#include "recorder/heartbeats/datagrams.hpp"
#include "recorder/system/silent_files.hpp"
#include "recorder/watched/collector.hpp"

namespace fdr {
namespace {

// Due each `every`, from the first question on; what was slept through is not made up for.
class Schedule {
 public:
  explicit Schedule(Duration every) : every_(every) {}
  bool due(Timestamp now) {
    if (next_ && now < *next_) return false;
    next_ = std::max(next_.value_or(now) + every_, now + every_ / 2);
    return true;
  }

 private:
  Duration every_;
  std::optional<Timestamp> next_;
};

class AskingProbe : public Probe {
 public:
  AskingProbe(const HeartbeatConfig& beat, const SocketAddress& address, const std::string& request)
      : schedule_(beat.every), timeout_(beat.timeout), connection_(address, request) {}
  std::vector<Timestamp> advance(Timestamp now) override {
    bool success = connection_.advance(now);
    if (schedule_.due(now)) success |= connection_.start(now, timeout_);
    return success ? std::vector{now} : std::vector<Timestamp>{};
  }

 private:
  Schedule schedule_;
  Duration timeout_;
  ConnectProbe connection_;
};

class CommandProbe : public Probe {
 public:
  explicit CommandProbe(const HeartbeatConfig& beat) : schedule_(beat.every) {
    command_.name = beat.name;
    command_.command = beat.command;
    command_.timeout = beat.timeout;
  }
  std::vector<Timestamp> advance(Timestamp now) override {
    std::vector<Timestamp> beats;
    if (running_ && running_->done()) {
      for (const Collected& run : running_->wait())
        if (run.note.empty()) beats.push_back(run.begin + run.took);
      running_.reset();
    }
    if (!running_ && schedule_.due(now)) running_ = std::make_unique<CollectRound>(std::vector{command_}, "probe");
    return beats;
  }

 private:
  Schedule schedule_;
  CollectorConfig command_;
  std::unique_ptr<CollectRound> running_;
};

// Looked at each tick, from what the kernel has cached; a file on a server that hangs must not make the tick wait, and looking for its name may.
class MtimeProbe : public Probe {
 public:
  explicit MtimeProbe(const HeartbeatConfig& beat) : path_(beat.path) {}
  std::vector<Timestamp> advance(Timestamp now) override {
    struct statx status {};
    if (!answers(path_) || ::statx(AT_FDCWD, path_.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_MTIME, &status)) return {};
    const std::pair<std::int64_t, std::uint32_t> written{status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec};
    const bool moved = written_ && *written_ != written;
    written_ = written;
    return moved ? std::vector{now} : std::vector<Timestamp>{};
  }

 private:
  std::string path_;
  std::optional<std::pair<std::int64_t, std::uint32_t>> written_;
};

class UdpProbe : public Probe {
 public:
  explicit UdpProbe(const HeartbeatConfig& beat) {
    const auto address = numeric_address(beat.host, beat.port);
    FDR_CHECK(address);  // the configuration was checked
    socket_ = FileDescriptor(::socket(address->family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::bind(socket_.get(), address->get(), address->length))
      throw system_error(fmt::format("heartbeat {}: listen on UDP port {} of {}", beat.name, beat.port, beat.host), errno);
    stamp_datagrams(socket_.get());
  }
  std::vector<Timestamp> advance(Timestamp) override {
    std::vector<Timestamp> beats;
    for (const Datagram& datagram : drain_datagrams(socket_.get())) beats.push_back(datagram.time);
    return beats;
  }

 private:
  FileDescriptor socket_;
};

std::unique_ptr<Probe> make_probe(const HeartbeatConfig& beat) {
  switch (beat.from) {
    case BeatSource::kBeat:
    case BeatSource::kSend:
    case BeatSource::kNotify:
      return nullptr;  // come by themselves
    case BeatSource::kHttp: {
      const auto url = parse_http_url(beat.url);
      FDR_CHECK(url);
      return std::make_unique<AskingProbe>(beat, url->address, http_request(*url));
    }
    case BeatSource::kTcp: {
      const auto address = numeric_address(beat.host, beat.port);
      FDR_CHECK(address);
      return std::make_unique<AskingProbe>(beat, *address, "");
    }
    case BeatSource::kMtime:
      return std::make_unique<MtimeProbe>(beat);
    case BeatSource::kCommand:
      return std::make_unique<CommandProbe>(beat);
    case BeatSource::kUdp:
      return std::make_unique<UdpProbe>(beat);
  }
  return nullptr;
}

}  // namespace

Probes::Probes(const std::vector<HeartbeatConfig>& heartbeats) {
  for (const HeartbeatConfig& beat : heartbeats)
    if (auto probe = make_probe(beat)) probes_.push_back({beat.name, std::move(probe)});
}

void Probes::advance(Timestamp now, Heartbeats& beats) {
  for (const Named& named : probes_)
    for (const Timestamp beat : named.probe->advance(now)) beats.beat(named.name, beat);
}

}  // namespace fdr
