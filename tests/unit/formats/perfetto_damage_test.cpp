// The reader takes a stranger's bytes: cut, flipped, lying and swelling traces give what can be had, and say what is
// wrong.
#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <random>

#include "formats/perfetto_fields.hpp"
#include "formats/perfetto_reader.hpp"
#include "tests/unit/formats/perfetto_example.hpp"

namespace fdr {
namespace {

using Message = protozero::pbf_writer;
namespace pf = perfetto;

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  REQUIRE(compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                   bytes.size()) == Z_OK);
  out.resize(size);
  return out;
}

std::string framed(const std::string& packet) {
  std::string bytes;
  Message{bytes}.add_message(pf::trace::kPacket, packet);
  return bytes;
}

std::string compressed_packet(const std::string& inside) {
  std::string packet;
  Message{packet}.add_bytes(pf::packet::kCompressedPackets, inside);
  return framed(packet);
}

// The trace with every compressed packet unpacked, so that damage gets past zlib's checksum.
std::string unpacked(const std::string& trace) {
  std::string plain;
  protozero::pbf_reader packets(trace);
  while (packets.next(pf::trace::kPacket)) {
    auto packet = packets.get_message();
    REQUIRE(packet.next(pf::packet::kCompressedPackets));
    const auto view = packet.get_view();
    std::string out(16 << 20, '\0');
    uLongf size = out.size();
    REQUIRE(uncompress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(view.data()),
                       view.size()) == Z_OK);
    plain += out.substr(0, size);
  }
  return plain;
}

std::string header_packet(std::uint64_t version = pf::kTraceVersion) {
  std::string packet;
  Message message{packet};
  message.add_message(pf::packet::kClockSnapshot, std::string{});
  std::string header;
  Message{header}.add_uint64(pf::header::kVersion, version);
  message.add_message(pf::packet::kFdrHeader, header);
  return framed(packet);
}

std::string packet_with(pf::Field field, const std::string& message) {
  std::string packet;
  Message{packet}.add_message(field, message);
  return framed(packet);
}

// Whatever was read, its indices must name rows that are there.
void check_consistent(const Timeline& t) {
  const auto thread_ok = [&](std::uint32_t i) { return i == kNoIndex || i < t.threads.size(); };
  const auto process_ok = [&](std::uint32_t i) { return i == kNoIndex || i < t.processes.size(); };
  const auto stack_ok = [&](StackId i) { return i == kNoStack || i < t.stacks.stack_count(); };
  bool ok = true;
  for (const auto& r : t.threads) ok = ok && process_ok(r.process);
  for (const auto& r : t.samples) ok = ok && thread_ok(r.thread) && stack_ok(r.stack) && r.end < WalkEnd::kCount;
  for (const auto& r : t.syscalls) ok = ok && thread_ok(r.thread);
  for (const auto* calls : {&t.slow, &t.failed})
    for (const auto& r : *calls) ok = ok && thread_ok(r.call.thread) && stack_ok(r.stack) && r.end < WalkEnd::kCount;
  for (const auto& r : t.stalls) ok = ok && thread_ok(r.thread) && stack_ok(r.stack) && r.kind < StallKind::kCount;
  for (const auto& r : t.growth) ok = ok && thread_ok(r.thread) && stack_ok(r.stack) && r.kind < GrowthKind::kCount;
  for (const auto& r : t.summary) ok = ok && process_ok(r.process);
  for (const auto& r : t.errors) ok = ok && process_ok(r.process);
  for (const auto& r : t.life) ok = ok && thread_ok(r.thread);
  for (const auto& f : t.stacks.frames()) ok = ok && f.module < t.stacks.modules().size();
  CHECK(ok);
}

std::size_t record_count(const Timeline& t) {
  std::size_t points = 0;
  for (const auto& series : t.metrics) points += series.points.size();
  return t.processes.size() + t.threads.size() + t.samples.size() + t.syscalls.size() + t.slow.size() +
         t.failed.size() + t.summary.size() + t.errors.size() + t.stalls.size() + t.growth.size() + t.life.size() + points;
}

}  // namespace

TEST_CASE("a trace cut at any byte loads up to the cut and says so") {
  for (const bool plain : {false, true}) {
    CAPTURE(plain);
    const std::string whole = plain ? unpacked(trace_of(example_timeline())) : trace_of(example_timeline());
    std::size_t before = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      const ReadResult result = read_perfetto(std::string_view(whole).substr(0, size));
      CHECK_FALSE(result.complete);
      CHECK(result.problem != "");
      check_consistent(result.timeline);
      const std::size_t records = record_count(result.timeline);
      CHECK(records >= before);  // a longer piece never gives less
      before = records;
    }
    // All but the last few packets were there before the last byte.
    CHECK(before >= record_count(example_timeline()) - 10);
  }
}

TEST_CASE("what a cut trace gives are the first records of the whole") {
  Timeline timeline = example_timeline();
  for (int i = 0; i < 30'000; ++i)
    timeline.samples.push_back({at_ms(51'000 + i * 0.1), 0, 0, false, 0, WalkEnd::kRoot});
  const std::string whole = trace_of(timeline);
  const ReadResult result = read_perfetto(std::string_view(whole).substr(0, whole.size() / 2));
  CHECK(result.problem == "the trace ends within a packet at byte " + std::to_string(whole.size() / 2));
  CHECK(result.timeline.processes == timeline.processes);
  REQUIRE(result.timeline.samples.size() > 5'000);
  for (std::size_t i = 0; i < result.timeline.samples.size(); ++i)
    REQUIRE(result.timeline.samples[i] == timeline.samples[i]);
}

TEST_CASE("a trace cut between two packets is not taken for whole") {
  const std::string plain = unpacked(trace_of(example_timeline()));
  protozero::pbf_reader packets(plain);
  std::string all_but_last, last;
  while (packets.next(pf::trace::kPacket)) {
    all_but_last += last;
    last = framed(packets.get_bytes());
  }
  const ReadResult result = read_perfetto(all_but_last);
  CHECK_FALSE(result.complete);
  CHECK(result.problem == "the trace ends before its last packet");
  CHECK(result.timeline.samples == example_timeline().samples);
  CHECK(read_perfetto(all_but_last + last).complete);
}

TEST_CASE("flipped bytes never crash the reader nor break the model") {
  std::mt19937 random(3);
  for (const bool plain : {false, true}) {
    const std::string whole = plain ? unpacked(trace_of(example_timeline())) : trace_of(example_timeline());
    for (int round = 0; round < 4000; ++round) {
      std::string damaged = whole;
      for (unsigned flips = 0; flips <= random() % 4; ++flips)
        damaged[random() % damaged.size()] = static_cast<char>(random());
      check_consistent(read_perfetto(damaged).timeline);
    }
  }
}

TEST_CASE("a changed bit in compressed data is noticed") {
  std::string damaged = trace_of(example_timeline());
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x10);
  const ReadResult result = read_perfetto(damaged);
  CHECK_FALSE(result.complete);
  CHECK(result.problem != "");
}

TEST_CASE("missing and spliced packets are noticed") {
  const std::string plain = unpacked(trace_of(example_timeline()));
  std::vector<std::string> parts;
  for (protozero::pbf_reader packets(plain); packets.next(pf::trace::kPacket);)
    parts.push_back(framed(packets.get_bytes()));
  std::mt19937 random(4);
  for (std::size_t gone = 0; gone < parts.size(); ++gone) {
    std::string bytes;
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (i != gone) bytes += parts[i];
    check_consistent(read_perfetto(bytes).timeline);
  }
  for (int round = 0; round < 200; ++round) {
    auto shuffled = parts;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::string bytes;
    for (const auto& part : shuffled) bytes += part;
    check_consistent(read_perfetto(bytes).timeline);
  }
}

TEST_CASE("random bytes are refused") {
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 200, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (round % 2) bytes = framed(bytes);
    const ReadResult result = read_perfetto(bytes);
    CHECK_FALSE(result.complete);
    CHECK(record_count(result.timeline) == 0);
  }
}

TEST_CASE("a trace of somebody else is named as such") {
  CHECK(read_perfetto("").problem == "this is not a trace of fdr: it has no header");
  CHECK(read_perfetto(framed("")).problem == "this is not a trace of fdr: it has no header");
  CHECK(read_perfetto("PK\3\4").problem == "the trace has no packet where one should begin, at byte 0");
}

TEST_CASE("a newer version is refused, with both numbers") {
  const std::string problem = read_perfetto(header_packet(pf::kTraceVersion + 1)).problem;
  CHECK(problem.find("version 2 of the format, and this fdr reads up to 1") != std::string::npos);
}

TEST_CASE("lengths that lie are refused") {
  const std::string lies[] = {
      std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11),  // 2^64 - 1 bytes to come
      std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12),
      std::string("\x0a\x02\x92\x03", 4),          // a compressed packet without a length
      std::string("\x0a\x04\x92\x03\x7f\x00", 6),  // longer than its packet
      header_packet() + packet_with(pf::packet::kFdrCalls, std::string("\x12\x7f\x01", 3)),
      header_packet() + packet_with(pf::packet::kFdrProcess, std::string("\x22\xff\xff\xff\xff\x0f", 6)),
  };
  for (const std::string& bytes : lies) {
    const ReadResult result = read_perfetto(bytes);
    CHECK_FALSE(result.complete);
    CHECK(record_count(result.timeline) == 0);
  }
}

TEST_CASE("fields of the wrong type are refused") {
  std::string thread;
  Message{thread}.add_string(pf::thread::kTid, "seven");
  const ReadResult result = read_perfetto(header_packet() + packet_with(pf::packet::kFdrThread, thread));
  CHECK(result.problem.find("a field of the wrong type") != std::string::npos);
  CHECK(result.timeline.threads.empty());
}

TEST_CASE("indices beyond their tables are refused") {
  std::string row;
  Message{row}.add_uint32(pf::stall::kThread, 8);
  CHECK(read_perfetto(header_packet() + packet_with(pf::packet::kFdrStall, row)).problem.find("thread") !=
        std::string::npos);
  row.clear();
  Message{row}.add_uint32(pf::stall::kStack, 8);
  CHECK(read_perfetto(header_packet() + packet_with(pf::packet::kFdrStall, row)).problem.find("interned id") !=
        std::string::npos);
  row.clear();
  Message{row}.add_uint32(pf::thread::kProcess, 1);
  CHECK(read_perfetto(header_packet() + packet_with(pf::packet::kFdrThread, row)).problem.find("process") !=
        std::string::npos);
}

TEST_CASE("times that cannot be are refused") {
  std::string row;
  Message{row}.add_uint64(pf::life::kTime, std::uint64_t{1} << 62);
  const ReadResult result = read_perfetto(header_packet() + packet_with(pf::packet::kFdrLife, row));
  CHECK(result.problem.find("a time that cannot be") != std::string::npos);
}

TEST_CASE("swelling data are bounded") {
  const std::string header = header_packet();
  const std::string bomb = compressed_packet(deflated(std::string(64 << 20, '\0')));
  CHECK(bomb.size() < 100'000);
  CHECK(read_perfetto(header + bomb).problem.find("limit of 16777216 bytes") != std::string::npos);

  // Many packets, each within its own limit.
  std::string padding;
  Message{padding}.add_bytes(pf::packet::kFdrEnd - 1, std::string(1 << 20, '\0'));
  const std::string piece = compressed_packet(deflated(framed(padding)));
  std::string many = header;
  for (int i = 0; i < 8; ++i) many += piece;
  ReadLimits limits;
  CHECK(read_perfetto(many, limits).problem == "the trace ends before its last packet");
  limits.max_inflated_bytes = 4 << 20;
  CHECK(read_perfetto(many, limits).problem.find("limit of") != std::string::npos);

  // Compressed packets do not nest.
  const std::string nested = compressed_packet(deflated(compressed_packet(deflated(header))));
  CHECK(read_perfetto(nested).problem == "this is not a trace of fdr: it has no header");
}

TEST_CASE("the number of records is bounded, whichever kind they are") {
  ReadLimits limits;
  limits.max_records = 20;
  const ReadResult result = read_perfetto(trace_of(example_timeline()), limits);
  CHECK(result.problem.find("more than the limit of 20 records") != std::string::npos);
  CHECK(record_count(result.timeline) <= 20);

  std::string process;
  for (int i = 0; i < 1000; ++i) Message{process}.add_string(pf::process::kArgument, "");
  CHECK_FALSE(read_perfetto(header_packet() + packet_with(pf::packet::kFdrProcess, process), limits).problem.empty());
}

TEST_CASE("a name that many frames share is cut, and each of them pays for it") {
  std::string interned, named;
  const auto entry = [&](pf::Field table, const auto& fill) {
    Message data{interned};
    Message message{data, table};
    fill(message);
  };
  const auto string = [&](pf::Field table, const std::string& text) {
    entry(table, [&](Message& m) { m.add_uint64(pf::interned::kIid, 1), m.add_bytes(pf::interned::kStr, text); });
  };
  string(pf::interned::kFunctionNames, std::string(1 << 20, 'f'));
  string(pf::interned::kMappingPaths, std::string(1 << 20, 'p'));
  entry(pf::interned::kMappings, [](Message& m) { m.add_uint64(pf::interned::kIid, 1), m.add_uint64(pf::interned::kPathStrings, 1); });
  std::vector<std::uint64_t> iids;
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    iids.push_back(i);
    entry(pf::interned::kFrames, [&](Message& m) {
      m.add_uint64(pf::interned::kIid, i), m.add_uint64(pf::interned::kFunctionName, 1), m.add_uint64(pf::interned::kMapping, 1), m.add_uint64(pf::interned::kRelPc, i);
    });
  }
  std::string packet, module;
  Message message{packet};
  message.add_message(pf::packet::kInternedData, interned);
  message.add_packed_uint64(pf::packet::kFdrNamedFrames, iids.begin(), iids.end());
  Message{module}.add_enum(pf::module::kKind, 0);
  message.add_message(pf::packet::kFdrModule, module);
  const std::string trace = header_packet() + framed(packet);

  const auto bytes_in = [](const Timeline& t) {
    std::size_t bytes = 0;
    for (const Module& one : t.stacks.modules()) bytes += one.path.size();
    for (const Frame& one : t.stacks.frames()) bytes += one.name.size();
    return bytes;
  };
  const ReadResult all = read_perfetto(trace);
  CHECK(all.problem == "the trace ends before its last packet");
  CHECK(all.timeline.stacks.frames().size() == 2000);
  CHECK(bytes_in(all.timeline) < 2001 * 4200);
  ReadLimits limits;
  limits.max_records = 10'000;
  const ReadResult some = read_perfetto(trace, limits);
  CHECK(some.problem.find("limit of 10000 records") != std::string::npos);
  CHECK(bytes_in(some.timeline) <= 10'000 * 64);
  CHECK(some.timeline.stacks.frames().size() > 100);
}

TEST_CASE("a call that is drawn later than it began is so once") {
  const auto calls = [](std::vector<std::uint64_t> early) {
    std::string message, packet;
    Message m{message};
    for (const pf::Field list : {pf::calls::kPositions, pf::calls::kThreads, pf::calls::kCpuTimes, pf::calls::kBegins, pf::calls::kWalls, pf::calls::kNumbers, pf::calls::kCpuIds,
                                 pf::calls::kResults, pf::calls::kArguments}) {
      const std::vector<std::uint64_t> two = {list == pf::calls::kThreads ? 0u : 1u, list == pf::calls::kThreads ? 0u : 1u};
      m.add_packed_uint64(list, two.begin(), two.end());
    }
    m.add_packed_uint64(pf::calls::kEarly, early.begin(), early.end());
    return read_perfetto(header_packet() + packet_with(pf::packet::kFdrCalls, message));
  };
  constexpr std::uint64_t kMost = std::uint64_t{1} << 60;
  const ReadResult good = calls({0, 1000, 1, 2000});
  CHECK(good.problem == "the trace ends before its last packet");
  REQUIRE(good.timeline.syscalls.size() == 2);
  CHECK(good.timeline.syscalls[0].wall.count() == 2001);
  CHECK(good.timeline.syscalls[1].wall.count() == 1001);
  CHECK(calls({0, 5, 0, 5}).problem.find("a place outside its list") != std::string::npos);
  CHECK(calls({1, 5, 0, 5}).problem.find("a place outside its list") != std::string::npos);
  CHECK(calls({2, 5}).problem.find("a place outside its list") != std::string::npos);
  CHECK(calls({0, kMost}).problem.find("a time that cannot be") != std::string::npos);
  CHECK(calls({0, kMost, 0, kMost, 0, kMost, 0, kMost, 0, kMost, 0, kMost, 0, kMost, 0, kMost, 0, kMost}).timeline.syscalls.empty());
}

TEST_CASE("padding and packets of others behind the end do no harm") {
  const std::string whole = trace_of(example_timeline());
  CHECK(read_perfetto(whole + std::string(100, '\0')).complete);
  CHECK(read_perfetto(whole + packet_with(61, "symbols")).complete);
  CHECK(read_perfetto(packet_with(89, "") + whole).complete);
}

TEST_CASE("a sink that fails ends the writing") {
  CHECK_THROWS_AS(
      write_perfetto(example_timeline(), {}, [](std::string_view) { throw std::runtime_error("disk full"); }),
      std::runtime_error);
}

}  // namespace fdr
