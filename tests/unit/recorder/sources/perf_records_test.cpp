#include "recorder/sources/perf_records.hpp"

#include <doctest/doctest.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

#include <cstring>
#include <string>

#include "recorder/sources/tracepoint.hpp"

using namespace fdr;

namespace {

// A record as the kernel lays it out, field by field.
class Record {
 public:
  explicit Record(std::uint32_t type, std::uint16_t misc = 0) { put(perf_event_header{.type = type, .misc = misc, .size = 0}); }
  template <class T>
  Record& put(T value) {
    const auto* const from = reinterpret_cast<const std::uint8_t*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof value);
    return *this;
  }
  Record& u64(std::uint64_t value) { return put(value); }
  Record& u32(std::uint32_t value) { return put(value); }
  Record& text(std::string value) {
    value.resize((value.size() + 8) / 8 * 8);
    bytes.insert(bytes.end(), value.begin(), value.end());
    return *this;
  }
  Record& tail(std::uint32_t pid, std::uint32_t tid, std::uint64_t time, std::uint32_t cpu) { return u32(pid).u32(tid).u64(time).u32(cpu).u32(0); }
  std::optional<PerfRecord> read(PerfForm form) {
    const auto size = static_cast<std::uint16_t>(bytes.size());
    std::memcpy(bytes.data() + offsetof(perf_event_header, size), &size, sizeof size);
    return read_perf_record(bytes, form);
  }
  std::vector<std::uint8_t> bytes;
};

Record sample(std::uint64_t chain, std::uint32_t raw, std::uint64_t stack, std::uint64_t used) {
  Record record(PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL);
  record.u64(0xffffffff81000010).u32(7).u32(8).u64(1234).u32(3).u32(0);
  record.u64(chain).u64(static_cast<std::uint64_t>(PERF_CONTEXT_KERNEL)).u64(0xffffffff81000010).u64(0xffffffff81000020);
  record.u32(raw).u32(0);
  record.u64(PERF_SAMPLE_REGS_ABI_64);
  for (const std::uint64_t value : {1, 6, 7, 8, 12, 13, 14, 15}) record.u64(value);
  record.u64(stack);
  for (int word = 0; word < 4; ++word) record.u64(static_cast<std::uint64_t>(100 + word));
  return record.u64(used);
}

}  // namespace

TEST_CASE("perf records: a sample has its kernel side, its registers and the stack as far as it was there") {
  Record record = sample(3, 4, 32, 24);
  const auto read = record.read(PerfForm::kStack);
  REQUIRE(read);
  CHECK(read->kind == PerfRecord::kSample);
  CHECK(read->pid == 7);
  CHECK(read->tid == 8);
  CHECK(read->time_ns == 1234);
  CHECK(perf_time(record.bytes, PerfForm::kStack) == 1234);
  CHECK(read->cpu == 3);
  CHECK(read->in_kernel);
  CHECK(read->kernel_frames == std::vector<std::uint64_t>{0xffffffff81000010, 0xffffffff81000020});
  CHECK(tracepoint_of(*read) == 0);
  CHECK(read->has_registers);
  CHECK(read->registers.bx == 1);
  CHECK(read->registers.bp == 6);
  CHECK(read->registers.sp == 7);
  CHECK(read->registers.ip == 8);
  CHECK(read->registers.r15 == 15);
  CHECK(read->stack.size() == 24);
  CHECK(read->stack_whole);
  CHECK_FALSE(sample(3, 4, 32, 32).read(PerfForm::kStack)->stack_whole);
  CHECK(perf_register_mask() == (1u << 1 | 1u << 6 | 1u << 7 | 1u << 8 | 0xfu << 20));
}

TEST_CASE("perf records: lengths that do not hold together are refused") {
  CHECK_FALSE(sample(1u << 20, 4, 32, 24).read(PerfForm::kStack));            // frames
  CHECK_FALSE(sample(UINT64_MAX, 4, 32, 24).read(PerfForm::kStack));
  CHECK_FALSE(sample(3, UINT32_MAX, 32, 24).read(PerfForm::kStack));          // raw data
  CHECK_FALSE(sample(3, 4, UINT64_MAX - 7, 24).read(PerfForm::kStack));       // stack
  CHECK_FALSE(sample(3, 4, 40, 24).read(PerfForm::kStack));
  CHECK_FALSE(sample(3, 4, 32, 33).read(PerfForm::kStack));                   // more used than there is
  Record whole = sample(3, 4, 32, 24);
  REQUIRE(whole.read(PerfForm::kStack));
  for (std::size_t length = 0; length < whole.bytes.size(); ++length) {
    Record cut = whole;
    cut.bytes.resize(std::max(length, sizeof(perf_event_header)));
    CHECK_FALSE(cut.read(PerfForm::kStack));
    CHECK_FALSE(read_perf_record(std::span(whole.bytes).first(length), PerfForm::kStack));  // its own length says otherwise
  }
  for (const std::uint32_t type : {PERF_RECORD_MMAP2, PERF_RECORD_COMM, PERF_RECORD_FORK, PERF_RECORD_EXIT, PERF_RECORD_LOST, PERF_RECORD_SWITCH})
    for (std::size_t words = 0; words < 3; ++words) {
      Record record(type);
      for (std::size_t i = 0; i < words; ++i) record.u64(~0ull);
      CHECK_FALSE(record.read(PerfForm::kPlain));
    }
}

TEST_CASE("perf records: lives, names and switches of a thread") {
  const auto fork = Record(PERF_RECORD_FORK).u32(20).u32(10).u32(21).u32(11).u64(500).tail(10, 11, 500, 1).read(PerfForm::kPlain);
  REQUIRE(fork);
  CHECK(fork->kind == PerfRecord::kFork);
  CHECK(fork->pid == 20);
  CHECK(fork->tid == 21);
  CHECK(fork->parent_pid == 10);
  CHECK(fork->parent_tid == 11);
  CHECK(fork->time_ns == 500);
  Record named(PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC);  // what is read is a view of it
  const auto comm = named.u32(20).u32(20).text("name").tail(20, 20, 600, 1).read(PerfForm::kPlain);
  REQUIRE(comm);
  CHECK(comm->exec);
  CHECK(comm->text == "name");
  const auto out = Record(PERF_RECORD_SWITCH, PERF_RECORD_MISC_SWITCH_OUT | PERF_RECORD_MISC_SWITCH_OUT_PREEMPT).tail(20, 21, 700, 1).read(PerfForm::kPlain);
  REQUIRE(out);
  CHECK(out->kind == PerfRecord::kSwitchOut);
  CHECK(out->preempted);
  CHECK(out->tid == 21);
  CHECK(Record(PERF_RECORD_SWITCH).tail(20, 21, 800, 1).read(PerfForm::kPlain)->kind == PerfRecord::kSwitchIn);
  CHECK(Record(PERF_RECORD_LOST).u64(1).u64(77).tail(20, 21, 900, 1).read(PerfForm::kPlain)->lost == 77);
  CHECK(Record(PERF_RECORD_THROTTLE).tail(20, 21, 900, 1).read(PerfForm::kPlain)->kind == PerfRecord::kOther);
}

TEST_CASE("perf records: mappings of code, with the build-id where the kernel tells it") {
  const auto map = [](std::uint32_t protection, std::uint64_t length, std::uint8_t id_bytes) {
    Record record(PERF_RECORD_MMAP2, PERF_RECORD_MISC_MMAP_BUILD_ID);
    record.u32(20).u32(20).u64(0x400000).u64(length).u64(0x1000);
    record.put(id_bytes).put(std::uint8_t{0}).put(std::uint16_t{0});
    for (std::uint8_t i = 0; i < 20; ++i) record.put(i);
    record.u32(protection).u32(0).text("/usr/bin/it").tail(20, 20, 600, 1);
    return record;
  };
  Record code = map(PROT_EXEC, 0x2000, 4);
  const auto read = code.read(PerfForm::kPlain);
  REQUIRE(read);
  REQUIRE(read->kind == PerfRecord::kMap);
  const Mapping mapping = mapping_of(*read);
  CHECK(mapping.start == 0x400000);
  CHECK(mapping.end == 0x402000);
  CHECK(mapping.file_offset == 0x1000);
  CHECK(mapping.module.path == "/usr/bin/it");
  CHECK(mapping.module.build_id == "00010203");
  CHECK(mapping.since == from_ns(600));
  CHECK(map(PROT_READ, 0x2000, 4).read(PerfForm::kPlain)->kind == PerfRecord::kOther);
  CHECK(map(PROT_EXEC, UINT64_MAX, 4).read(PerfForm::kPlain)->kind == PerfRecord::kOther);  // past the end of all memory
  CHECK(map(PROT_EXEC, 0x2000, 255).read(PerfForm::kPlain)->build_id.empty());
}

TEST_CASE("tracepoint: ids and places of fields as tracefs tells them") {
  const auto found = parse_tracepoint(
      "name: sys_enter\nID: 443\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n"
      "\tfield:long id;\toffset:8;\tsize:8;\tsigned:1;\n\tfield:unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;\n");
  REQUIRE(found);
  CHECK(found->id == 443);
  CHECK(found->fields.size() == 2);
  std::vector<std::uint8_t> raw(64);
  const std::int64_t id = -5, last = 99;
  std::memcpy(raw.data() + 8, &id, 8);
  std::memcpy(raw.data() + 56, &last, 8);
  CHECK(found->word(raw, "id") == -5);
  CHECK(found->word(raw, "args", 5) == 99);
  CHECK_FALSE(found->word(raw, "args", 6));
  CHECK_FALSE(found->word(raw, "ret"));
  CHECK_FALSE(found->word(std::span(raw).first(63), "args", 5));
  CHECK_FALSE(found->word({}, "id"));
  CHECK_FALSE(parse_tracepoint("name: nothing\n"));
  CHECK_FALSE(parse_tracepoint("ID: 70000\n"));
  CHECK_FALSE(parse_tracepoint(""));
}
