#include "unwind/symbol_slices.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/unwind/stack_fixture.hpp"
#include "unwind/symbolizer.hpp"

using namespace fdr;

namespace {

const std::string kDirectory = std::string(FDR_TEST_DATA) + "/golden/unwind/symbols/";

// Every fourth address of the code of the fixtures; all of them are of one source, so offsets and vaddrs are the same.
std::vector<std::uint64_t> some_offsets(const ElfImage& image) {
  std::vector<std::uint64_t> offsets;
  for (const auto& segment : image.segments())
    if (segment.executable)
      for (std::uint64_t at = 0; at < segment.file_size; at += 4) offsets.push_back(segment.offset + at);
  return offsets;
}

std::unique_ptr<ElfImage> image_of(const std::string& name) {
  std::string problem;
  auto image = ElfImage::open(kDirectory + name, &problem);
  REQUIRE_MESSAGE(image, problem);
  return image;
}

StackTable stacks_of(const Module& module, const std::vector<std::uint64_t>& offsets) {
  StackTable stacks;
  const auto id = stacks.intern_module(module);
  for (const std::uint64_t offset : offsets) stacks.intern_frame(id, offset);
  return stacks;
}

std::vector<std::string> functions(const Symbols& symbols) {
  std::vector<std::string> names;
  for (const auto& frames : symbols.names) names.push_back(frames.empty() ? "" : frames.back().function);
  return names;
}

// Where the bundle is read, the file is not.
Symbols far_away(const std::string& name, std::vector<ModuleSlice>& slices) {
  const auto image = image_of(name);
  const auto offsets = some_offsets(*image);
  slices = {symbol_slice(*image, offsets)};
  return symbolize(stacks_of({ModuleKind::kFile, "/nonexistent/" + name, image->build_id()}, offsets), {}, slices);
}

Symbols at_home(const std::string& name) {
  const auto image = image_of(name);
  return symbolize(stacks_of({ModuleKind::kFile, kDirectory + name, image->build_id()}, some_offsets(*image)));
}

}  // namespace

TEST_CASE("slices: without the files, every function has the name it has with them") {
  for (const auto& [name, source] : {std::pair("symtab.so", "symtab"), {"mini.so", "gnu_debugdata"}, {"dynsym.so", "dynsym"}}) {
    CAPTURE(name);
    std::vector<ModuleSlice> slices;
    const Symbols far = far_away(name, slices), home = at_home(name);
    const auto names = functions(far);
    CHECK(names == functions(home));
    CHECK(std::count_if(names.begin(), names.end(), [](const auto& n) { return !n.empty(); }) > 50);
    CHECK(far.modules[0].source == std::string("recorded ") + source);
    CHECK(far.modules[0].named == home.modules[0].named);
    CHECK(slices[0].source == source);
    const auto image = image_of(name);
    CHECK(recorded_names(stacks_of({ModuleKind::kFile, kDirectory + "../nothing/" + name, ""}, some_offsets(*image)), slices) == far.names);
  }
}

TEST_CASE("slices: only functions that were touched") {
  const auto image = image_of("symtab.so");
  const auto all = symbol_slice(*image, some_offsets(*image));
  REQUIRE(all.functions.size() > 5);
  const auto& wanted = all.functions[3];
  const std::uint64_t offsets[] = {wanted.offset + 1, wanted.offset, wanted.offset + 1};
  const auto slice = symbol_slice(*image, offsets);
  REQUIRE(slice.functions.size() == 1);
  CHECK(slice.functions[0] == wanted);
  CHECK(slice.nameless.empty());
  CHECK(symbol_slice(*image, {}).empty());
}

TEST_CASE("slices: DWARF of a file that is there comes first, and the slice names what the file does not") {
  const auto image = image_of("full.so");
  const auto offsets = some_offsets(*image);
  const Module module{ModuleKind::kFile, kDirectory + "full.so", image->build_id()};
  const Symbols with = symbolize(stacks_of(module, offsets), {}, {symbol_slice(*image, offsets)});
  CHECK(with.names == symbolize(stacks_of(module, offsets)).names);
  CHECK(with.modules[0].source.starts_with("DWARF"));

  // Stripped since: the same build-id, and less in it.
  const auto whole = image_of("symtab.so");
  const Module stripped{ModuleKind::kFile, kDirectory + "dynsym.so", image_of("dynsym.so")->build_id()};
  const Symbols both = symbolize(stacks_of(stripped, offsets), {}, {symbol_slice(*whole, offsets)});
  const auto names = functions(both), wanted = functions(at_home("symtab.so"));
  REQUIRE(names.size() == wanted.size());
  for (std::size_t i = 0; i < names.size(); ++i)
    if (!names[i].starts_with("dynsym.so!fn@")) CHECK(names[i] == wanted[i]);
  CHECK(both.modules[0].source == "dynsym and recorded symtab");
}

TEST_CASE("slices: a file without a build-id is believed where it would give the same slice") {
  const auto image = image_of("full.so");
  const auto offsets = some_offsets(*image);
  const Module module{ModuleKind::kFile, kDirectory + "full.so", ""};
  const ModuleSlice slice = symbol_slice(*image, offsets);
  CHECK(symbolize(stacks_of(module, offsets), {}, {slice}).modules[0].source.starts_with("DWARF"));

  ModuleSlice other = slice;
  other.functions[1].name = "renamed_since";
  const Symbols symbols = symbolize(stacks_of(module, offsets), {}, {other});
  CHECK(symbols.modules[0].source == "recorded symtab");
  const auto names = functions(symbols);
  CHECK(std::find(names.begin(), names.end(), "renamed_since") != names.end());
}

TEST_CASE("slices: of damaged files, and slices that make no sense") {
  const auto whole = test::read_data("symbols/symtab.so");
  std::uint64_t seed = 1;
  const auto random = [&] { return seed = seed * 6364136223846793005u + 1442695040888963407u, seed >> 33; };
  const auto offsets = some_offsets(*image_of("symtab.so"));
  for (int round = 0; round < 200; ++round) {
    auto bytes = whole;
    for (int i = 0; i < 1 << (round % 8); ++i) bytes[64 + random() % (bytes.size() - 64)] ^= static_cast<std::uint8_t>(1u << (random() % 8));
    if (round % 4 == 0) bytes.resize(random() % bytes.size());
    std::string problem;
    const auto image = ElfImage::from_memory(std::move(bytes), &problem);
    if (!image) continue;
    const ModuleSlice slice = symbol_slice(*image, offsets);
    CHECK(slice.functions.size() + slice.nameless.size() <= offsets.size());
    for (const auto& function : slice.functions) CHECK(function.name.size() <= kMaxSliceName);
  }
  ModuleSlice odd{"symtab", {{0, UINT64_MAX, "all"}, {UINT64_MAX - 1, 1, "end"}}, {{UINT64_MAX, UINT64_MAX, 0}}, 1};
  CHECK(functions(symbolize(stacks_of({ModuleKind::kFile, "/nonexistent/x", ""}, {5, UINT64_MAX}), {}, {odd}))[0] == "all");
}

TEST_CASE("slices: the modules of a recording, each from its own file") {
  StackTable stacks;
  const auto image = image_of("symtab.so");
  const auto offset = symbol_slice(*image, some_offsets(*image)).functions[2].offset;
  stacks.intern_frame(stacks.intern_module({ModuleKind::kKernel, "[kernel]", ""}), 0x1000, "tcp_sendmsg");
  stacks.intern_frame(stacks.intern_module({ModuleKind::kFile, "/nonexistent/x", ""}), 0x1000);
  stacks.intern_frame(stacks.intern_module({ModuleKind::kFile, kDirectory + "symtab.so", ""}), offset);
  stacks.intern_frame(stacks.intern_module(anonymous_module("anon", 1)), 0x1000);
  ModuleFiles files;
  const auto slices = symbol_slices(stacks, files);
  REQUIRE(slices.size() == 4);
  CHECK(slices[2].functions.size() == 1);
  for (const int other : {0, 1, 3}) CHECK(slices[static_cast<std::size_t>(other)].empty());
}
