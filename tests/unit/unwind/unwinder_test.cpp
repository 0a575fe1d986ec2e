#include "unwind/unwinder.hpp"

#include <algorithm>

#include "tests/unit/unwind/stack_fixture.hpp"
#include "unwind/eh_frame_header.hpp"

using namespace fdr;
using test::StackFixture;

namespace {

std::vector<std::uint64_t> callers_of(const WalkedStack& stack) {
  std::vector<std::uint64_t> addresses;
  for (std::size_t i = 1; i < stack.frames.size(); ++i) addresses.push_back(stack.frames[i].address);
  return addresses;
}

bool has_table(StackFixture& fixture, std::uint64_t address) {
  const Mapping* mapping = fixture.space.find(address, Timestamp{});
  const ElfImage* image = mapping ? fixture.files.find(mapping->module) : nullptr;
  const auto vaddr = image ? image->vaddr_of_offset(mapping->offset_of(address)) : std::nullopt;
  const auto header = image ? EhFrameHeader::of(*image) : std::nullopt;
  return vaddr && header && header->function_at(*vaddr);
}

const Module* module_at(StackFixture& fixture, std::uint64_t address) {
  const Mapping* mapping = fixture.space.find(address, Timestamp{});
  return mapping ? &mapping->module : nullptr;
}

// A stack of words that begins at 0x1000.
struct SmallStack {
  std::vector<std::uint64_t> words;
  StackCopy copy(UserRegisters registers, bool whole = true) const {
    return {registers, {reinterpret_cast<const std::uint8_t*>(words.data()), words.size() * 8}, whole};
  }
};

}  // namespace

TEST_CASE("copied stacks unwind to exactly what was called") {
  StackFixture fixture;
  Unwinder unwinder(fixture.files);
  REQUIRE(fixture.samples.size() > 300);
  std::size_t without_table = 0, in_vdso = 0, in_signal = 0;
  for (const auto& sample : fixture.samples) {
    const WalkedStack stack = unwinder.walk(fixture.space, {sample.registers, sample.stack, true}, Timestamp{});
    CAPTURE(sample.registers.ip);
    REQUIRE_FALSE(stack.frames.empty());
    CHECK(stack.end == WalkEnd::kRoot);
    CHECK(stack.frames[0].address == sample.registers.ip);
    CHECK_FALSE(stack.frames[0].is_return);
    in_vdso += module_at(fixture, sample.registers.ip)->kind == ModuleKind::kVdso;
    in_signal += std::count_if(stack.frames.begin() + 1, stack.frames.end(),
                               [](const FrameAddress& f) { return !f.is_return; }) == 1;  // what was interrupted
    if (!has_table(fixture, sample.registers.ip))
      ++without_table;  // _init, _fini: the caller is lost, the rest is not
    else
      CHECK(callers_of(stack) == sample.callers);
  }
  CHECK(without_table < 4);
  CHECK(in_vdso > 0);
  CHECK(in_signal >= 5);
}

TEST_CASE("a copy that ends early says so, and keeps the frames it has") {
  StackFixture fixture;
  Unwinder unwinder(fixture.files);
  std::size_t cut = 0;
  for (const auto& sample : fixture.samples) {
    if (sample.callers.size() < 5 || !has_table(fixture, sample.registers.ip)) continue;
    const std::span<const std::uint8_t> top =
        std::span(sample.stack).first(std::min<std::size_t>(sample.stack.size(), 64));
    const WalkedStack stack = unwinder.walk(fixture.space, {sample.registers, top, false}, Timestamp{});
    if (stack.end == WalkEnd::kRoot) continue;
    ++cut;
    CHECK(stack.end == WalkEnd::kCopyTooShort);
    const auto callers = callers_of(stack);
    REQUIRE(callers.size() < sample.callers.size());
    CHECK(std::equal(callers.begin(), callers.end(), sample.callers.begin()));
    // The same bytes, said to be the whole stack: then it is not the copy that is too short.
    CHECK(unwinder.walk(fixture.space, {sample.registers, top, true}, Timestamp{}).end == WalkEnd::kUnreadable);
  }
  CHECK(cut > 100);
}

TEST_CASE("without the file there are no tables") {
  StackFixture fixture(false);
  Unwinder unwinder(fixture.files);
  for (const auto& sample : fixture.samples) {
    const WalkedStack stack = unwinder.walk(fixture.space, {sample.registers, sample.stack, true}, Timestamp{});
    CHECK(stack.end == WalkEnd::kNoUnwindInfo);
  }
}

TEST_CASE("a wild instruction pointer belongs to no mapping") {
  StackFixture fixture;
  Unwinder unwinder(fixture.files);
  const SmallStack stack{{0, 0}};
  const WalkedStack walked = unwinder.walk(fixture.space, stack.copy({.ip = 0x10, .sp = 0x1000}), Timestamp{});
  CHECK(walked.end == WalkEnd::kNoMapping);
  CHECK(walked.frames.size() == 1);
}

TEST_CASE("code without tables is left by its frame pointer, and only by one that looks like it") {
  StackFixture fixture;
  fixture.space.add({0x100000, 0x200000, 0x100000, {ModuleKind::kAnonymous, "[anon]", ""}, Timestamp{}, false});
  Unwinder unwinder(fixture.files);
  //                        0x1000  0x1008    0x1010  0x1018    0x1020
  SmallStack stack{{0x1010, 0x100123, 0x1020, 0x100456, 0, 0}};
  WalkedStack walked =
      unwinder.walk(fixture.space, stack.copy({.ip = 0x100789, .sp = 0x1000, .bp = 0x1000}), Timestamp{});
  CHECK(callers_of(walked) == std::vector<std::uint64_t>{0x100123, 0x100456});
  CHECK(walked.end == WalkEnd::kNoUnwindInfo);  // a zero return address proves no root
  CHECK(walked.frames[1].lookup() == 0x100122);

  walked = unwinder.walk(fixture.space, stack.copy({.ip = 0x100789, .sp = 0x1000, .bp = 0x1001}), Timestamp{});
  CHECK(walked.frames.size() == 1);
  walked = unwinder.walk(fixture.space, stack.copy({.ip = 0x100789, .sp = 0x1000, .bp = 0xff0}), Timestamp{});
  CHECK(walked.frames.size() == 1);
  stack.words[1] = 0x999;  // no code there
  walked = unwinder.walk(fixture.space, stack.copy({.ip = 0x100789, .sp = 0x1000, .bp = 0x1000}), Timestamp{});
  CHECK(walked.frames.size() == 1);
}

TEST_CASE("an endless stack ends at the limit") {
  StackFixture fixture;
  fixture.space.add({0x100000, 0x200000, 0x100000, {ModuleKind::kAnonymous, "[anon]", ""}, Timestamp{}, false});
  Unwinder unwinder(fixture.files);
  SmallStack stack;
  for (std::uint64_t i = 0; i < 1000; ++i) stack.words.insert(stack.words.end(), {0x1000 + (i + 1) * 16, 0x100123});
  const WalkedStack walked =
      unwinder.walk(fixture.space, stack.copy({.ip = 0x100789, .sp = 0x1000, .bp = 0x1000}), Timestamp{});
  CHECK(walked.end == WalkEnd::kTooDeep);
  CHECK(walked.frames.size() == Unwinder::kMaxFrames);
}

TEST_CASE("a mapping that is replaced does not leave its rules behind") {
  StackFixture fixture;
  Unwinder unwinder(fixture.files);
  const auto sample = std::find_if(fixture.samples.begin(), fixture.samples.end(), [&](const StackFixture::Sample& s) {
    return module_at(fixture, s.registers.ip)->path == "/fixture/program" && has_table(fixture, s.registers.ip);
  });
  REQUIRE(sample != fixture.samples.end());
  const StackCopy copy{sample->registers, sample->stack, true};
  CHECK(unwinder.walk(fixture.space, copy, from_ns(5)).end == WalkEnd::kRoot);

  Mapping other = *fixture.space.find(sample->registers.ip, from_ns(5));
  other.module.path = "/fixture/not-there";
  other.since = from_ns(10);
  fixture.space.add(other);
  CHECK(unwinder.walk(fixture.space, copy, from_ns(5)).end == WalkEnd::kRoot);
  CHECK(unwinder.walk(fixture.space, copy, from_ns(10)).end == WalkEnd::kNoUnwindInfo);
  CHECK(unwinder.walk(fixture.space, copy, from_ns(5)).end == WalkEnd::kRoot);
}

TEST_CASE("damaged tables and stacks end a walk, never the program") {
  const auto program = test::read_data("stacks/program.gz"), libc = test::read_data("stacks/libc.so.6.gz");
  std::uint64_t seed = 1;
  const auto random = [&] { return seed = seed * 6364136223846793005u + 1442695040888963407u, seed >> 33; };
  std::size_t images = 0;
  for (int round = 0; round < 60; ++round) {
    StackFixture fixture(false);
    auto damaged = program;
    if (round % 3 == 0)
      damaged.resize(random() % damaged.size());
    else
      for (int i = 0; i < 200; ++i)
        damaged[random() % damaged.size()] ^= static_cast<std::uint8_t>(1u << (random() % 8));
    std::string problem;
    if (auto image = ElfImage::from_memory(damaged, &problem)) {
      ++images;
      fixture.files.add_image({ModuleKind::kFile, "/fixture/program", ""}, std::move(image));
    } else {
      CHECK_FALSE(problem.empty());
    }
    fixture.files.add_image({ModuleKind::kFile, "/fixture/libc.so.6", ""}, ElfImage::from_memory(libc, &problem));
    Unwinder unwinder(fixture.files);
    for (std::size_t i = 0; i < fixture.samples.size(); i += 7) {
      auto& sample = fixture.samples[i];
      if (round % 2 == 0) sample.stack[random() % sample.stack.size()] ^= 0x40;
      const WalkedStack stack = unwinder.walk(fixture.space, {sample.registers, sample.stack, true}, Timestamp{});
      CHECK(stack.frames.size() <= Unwinder::kMaxFrames);
    }
  }
  CHECK(images > 10);
}
