#include "unwind/copy_walker.hpp"

#include "tests/unit/unwind/stack_fixture.hpp"
#include "unwind/module_rows.hpp"

using namespace fdr;
using test::StackFixture;

namespace {

std::vector<std::uint64_t> lookups_of(const WalkedStack& stack) {
  std::vector<std::uint64_t> addresses;
  for (const FrameAddress& frame : stack.frames) addresses.push_back(frame.lookup());
  return addresses;
}

}  // namespace

TEST_CASE("copy walker: at least as far as libunwind on every recorded stack, and the same way") {
  StackFixture fixture;
  CopyWalker walker(fixture.files);
  Unwinder unwinder(fixture.files);
  std::size_t roots = 0, others = 0;
  for (std::size_t i = 0; i < fixture.samples.size(); ++i) {
    CAPTURE(i);
    const StackCopy copy{fixture.samples[i].registers, fixture.samples[i].stack, true};
    const WalkedStack walked = walker.walk(fixture.space, copy, Timestamp{});
    const WalkedStack other = unwinder.walk(fixture.space, copy, Timestamp{});
    roots += walked.end == WalkEnd::kRoot;
    others += other.end == WalkEnd::kRoot;
    if (other.end == WalkEnd::kRoot) {
      CHECK(walked.end == WalkEnd::kRoot);
      CHECK(lookups_of(walked) == lookups_of(other));
    } else {
      CHECK(walked.frames.size() >= other.frames.size());
    }
  }
  CHECK(roots >= others);
  CHECK(roots > 0);
}

TEST_CASE("copy walker: a copy that ends early says so") {
  StackFixture fixture;
  CopyWalker walker(fixture.files);
  std::size_t cut_short = 0;
  for (std::size_t i = 0; i < fixture.samples.size(); ++i) {
    StackCopy copy{fixture.samples[i].registers, fixture.samples[i].stack, false};
    if (copy.bytes.size() <= 64) continue;
    copy.bytes = copy.bytes.first(64);
    const WalkedStack walked = walker.walk(fixture.space, copy, Timestamp{});
    if (walked.end == WalkEnd::kCopyTooShort) ++cut_short;
  }
  CHECK(cut_short > 0);
}

TEST_CASE("copy walker: the bias of a mapping that begins before its segment") {
  const ElfImage::Segment data{.vaddr = 0x200000, .offset = 0x100000, .file_size = 0x1000, .memory_size = 0x1000, .executable = false};
  const ElfImage::Segment text{.vaddr = 0x401140, .offset = 0x1140, .file_size = 0x2000, .memory_size = 0x2000, .executable = true};
  Mapping mapping;
  mapping.start = 0x7f0000001000;
  mapping.end = 0x7f0000004000;
  mapping.file_offset = 0x1000;
  const std::vector<ElfImage::Segment> both = {data, text};
  // vaddr 0x401140 lies at 0x7f0000001140; rows count from 0x400000.
  CHECK(row_bias(mapping, both, 0x400000) == 0x7f0000001140 - 0x1140);
  mapping.file_offset = 0x100000;
  CHECK_FALSE(row_bias(mapping, both, 0x400000));
}
