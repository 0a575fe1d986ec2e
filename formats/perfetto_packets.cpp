#include "formats/perfetto_packets.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>

#include "formats/error.hpp"

namespace fdr::perfetto {
namespace {

// Level 1: a trace of a busy minute is tens of megabytes, and the dump has a CPU budget (level 6 costs four times as
// much for a sixth less).
constexpr int kCompressionLevel = 1;

// One base-128 number; nothing where the bytes end within it or it does not fit 64 bits.
std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 10 && i < bytes.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    if (i == 9 && byte > 1) return std::nullopt;
    value |= std::uint64_t{byte & 0x7fu} << (7 * i);
    if (byte & 0x80u) continue;
    bytes.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

struct Inflated {
  std::string bytes;
  bool finished = false;  // the whole zlib stream was there and its checksum holds
  std::string problem;
};

// At most `limit` bytes come out, whatever the input claims.
Inflated inflate_bytes(std::string_view input, std::uint64_t limit) {
  Inflated out;
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw Error("inflate: out of memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  std::size_t used = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    if (used == limit) {
      out.problem = fmt::format("more than the limit of {} bytes", limit);
      break;
    }
    out.bytes.resize(
        static_cast<std::size_t>(std::min<std::uint64_t>(limit, std::max<std::size_t>(used * 2, 1 << 18))));
    stream.next_out = reinterpret_cast<Bytef*>(out.bytes.data() + used);
    stream.avail_out = static_cast<uInt>(out.bytes.size() - used);
    status = inflate(&stream, Z_NO_FLUSH);
    used = out.bytes.size() - stream.avail_out;
  }
  out.bytes.resize(used);
  out.finished = status == Z_STREAM_END;
  if (!out.finished && out.problem.empty() && status != Z_BUF_ERROR) out.problem = "broken compressed data";
  return out;
}

// The walk over one trace: the file itself, and the inside of each compressed packet.
class Walk {
 public:
  Walk(const ReadLimits& limits, const std::function<void(std::string_view)>& handle)
      : limits_(limits), handle_(handle) {}

  StreamEnd file(std::string_view bytes) {
    const std::size_t total = bytes.size();
    while (!bytes.empty()) {
      const std::size_t at = total - bytes.size();
      if (bytes.find_first_not_of('\0') == std::string_view::npos) return {};  // padding, as Perfetto allows
      const auto packet = take_packet(bytes);
      if (packet.status == Packet::kBroken) return damaged("has no packet where one should begin,", at);
      if (packet.status == Packet::kTooLarge) return damaged("has a packet above the size limit", at);
      if (const std::string problem = top_level(packet); !problem.empty())
        return damaged("is damaged in the packet", at, ": " + problem);
      if (packet.status == Packet::kCut) return damaged("ends within a packet", total);
    }
    return {};
  }

 private:
  struct Packet {
    enum Status { kWhole, kCut, kBroken, kTooLarge } status = kWhole;
    std::string_view bytes;  // of a cut packet: what there is
  };

  static StreamEnd damaged(const char* what, std::size_t at, const std::string& detail = {}) {
    return {false, fmt::format("the trace {} at byte {}{}", what, at, detail)};
  }

  Packet take_packet(std::string_view& bytes) const {
    if (bytes.front() != '\n') return {Packet::kBroken, {}};  // field 1, length-delimited
    bytes.remove_prefix(1);
    const std::string_view rest = bytes;
    const auto size = take_varint(bytes);
    if (!size) {
      bytes = {};
      return {rest.size() < 10 ? Packet::kCut : Packet::kBroken, {}};
    }
    if (*size > limits_.max_packet_bytes) return {Packet::kTooLarge, {}};
    const std::string_view packet = bytes.substr(0, static_cast<std::size_t>(*size));
    bytes.remove_prefix(packet.size());
    return {packet.size() < *size ? Packet::kCut : Packet::kWhole, packet};
  }

  // Returns the problem, if any. Of a cut packet only compressed contents are of use.
  std::string top_level(const Packet& packet) {
    std::string_view inside = packet.bytes;
    const auto tag = take_varint(inside);
    if (!tag) return packet.status == Packet::kCut || packet.bytes.empty() ? "" : "broken field";
    if (*tag != ((std::uint64_t{packet::kCompressedPackets} << 3) | 2))
      return packet.status == Packet::kCut ? "" : hand(packet.bytes);
    const auto size = take_varint(inside);
    if (!size) return packet.status == Packet::kCut ? "" : "broken length";
    if (packet.status == Packet::kWhole && *size != inside.size()) return "broken length";
    return compressed(inside, packet.status == Packet::kCut);
  }

  std::string compressed(std::string_view input, bool cut) {
    const std::uint64_t left = limits_.max_inflated_bytes - inflated_;
    const Inflated chunk = inflate_bytes(input, std::min<std::uint64_t>(left, limits_.max_packet_bytes));
    inflated_ += chunk.bytes.size();
    if (!chunk.problem.empty()) return chunk.problem;
    if (!chunk.finished && !cut) return "compressed data end too early";
    std::string_view bytes = chunk.bytes;
    while (!bytes.empty()) {
      const auto packet = take_packet(bytes);
      if (packet.status == Packet::kCut && cut) return {};
      if (packet.status != Packet::kWhole) return "broken packets inside";
      if (std::string problem = hand(packet.bytes); !problem.empty()) return problem;
    }
    return {};
  }

  std::string hand(std::string_view bytes) {
    try {
      handle_(bytes);
      return {};
    } catch (const Damage& damage) {
      return damage.what();
    } catch (const protozero::exception& error) {
      return error.what();
    }
  }

  const ReadLimits& limits_;
  const std::function<void(std::string_view)>& handle_;
  std::uint64_t inflated_ = 0;
};

}  // namespace

void PacketStream::begin(Sequence sequence, protozero::pbf_writer& writer) {
  const auto id = static_cast<std::uint32_t>(sequence);
  bool& started = started_[id - 1];
  writer.add_uint32(packet::kSequenceId, id);
  writer.add_uint32(packet::kSequenceFlags, started ? kNeedsState : kStateCleared);
  started = true;
}

void PacketStream::flush() {
  if (chunk_.empty()) return;
  uLongf size = compressBound(static_cast<uLong>(chunk_.size()));
  compressed_.resize(size);
  const int status =
      compress2(reinterpret_cast<Bytef*>(compressed_.data()), &size, reinterpret_cast<const Bytef*>(chunk_.data()),
                static_cast<uLong>(chunk_.size()), kCompressionLevel);
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  FDR_CHECK(status == Z_OK);
  compressed_.resize(size);
  packet_.clear();
  protozero::pbf_writer{packet_}.add_bytes(packet::kCompressedPackets, compressed_);
  std::string framed;
  protozero::pbf_writer{framed}.add_message(trace::kPacket, packet_);
  sink_(framed);
  chunk_.clear();
}

StreamEnd for_each_packet(std::string_view bytes, const ReadLimits& limits,
                          const std::function<void(std::string_view)>& handle) {
  return Walk(limits, handle).file(bytes);
}

}  // namespace fdr::perfetto
