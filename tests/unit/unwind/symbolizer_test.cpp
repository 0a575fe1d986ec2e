#include "unwind/symbolizer.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/unwind/stack_fixture.hpp"

using namespace fdr;

namespace {

const std::string kDirectory = std::string(FDR_TEST_DATA) + "/golden/unwind/symbols/";

struct Expected {
  std::uint64_t vaddr;
  std::vector<SourceFrame> frames;
};

// What llvm-symbolizer said: "0x3d0 inner|/src/x.cpp:8;outer|/src/x.cpp:13".
std::vector<Expected> read_expected(const std::string& name) {
  std::ifstream file(kDirectory + name);
  std::vector<Expected> all;
  for (std::string line; std::getline(file, line);) {
    Expected expected{std::stoull(line, nullptr, 16), {}};
    std::stringstream frames(line.substr(line.find(' ') + 1));
    for (std::string frame; std::getline(frames, frame, ';');) {
      const std::size_t bar = frame.find('|'), colon = frame.rfind(':');
      expected.frames.push_back(
          {frame.substr(0, bar), frame.substr(bar + 1, colon - bar - 1), std::atoi(frame.c_str() + colon + 1)});
    }
    all.push_back(std::move(expected));
  }
  return all;
}

// Names for offsets of one module; offset and vaddr are the same in the fixtures.
Symbols names_of(const Module& module, const std::vector<std::uint64_t>& offsets, const ModuleSearch& search = {}) {
  StackTable stacks;
  const std::uint32_t id = stacks.intern_module(module);
  for (const std::uint64_t offset : offsets) stacks.intern_frame(id, offset);
  return symbolize(stacks, search);
}

std::string first_function(const Symbols& symbols) {
  return symbols.names.at(0).empty() ? "" : symbols.names[0].back().function;
}

Module file(const std::string& name, const std::string& build_id = "") {
  return {ModuleKind::kFile, kDirectory + name, build_id};
}

std::string build_id_of(const std::string& name) {
  std::string problem;
  const auto image = ElfImage::open(kDirectory + name, &problem);
  REQUIRE_MESSAGE(image, problem);
  return image->build_id();
}

// An address inside a function, by the oracle.
std::uint64_t address_in(const std::string& function) {
  for (const Expected& expected : read_expected("full.expected"))
    if (expected.frames.back().function == function) return expected.vaddr;
  FAIL(function);
  return 0;
}

void check_like_llvm(const std::string& name) {
  const auto expected = read_expected(name + ".expected");
  REQUIRE(expected.size() > 100);
  std::vector<std::uint64_t> offsets;
  for (const Expected& e : expected) offsets.push_back(e.vaddr);
  const Symbols symbols = names_of(file(name + ".so"), offsets);
  std::size_t inlined = 0, named = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(expected[i].vaddr);
    const auto& ours = symbols.names[i];
    if (expected[i].frames.back().function == "??") {  // padding: no function, but the line table may go on
      if (ours.empty()) continue;
      REQUIRE(ours.size() == 1);
      CHECK(ours[0].function.starts_with(name + ".so+0x"));
      CHECK(ours[0].file == expected[i].frames[0].file);
      CHECK(ours[0].line == expected[i].frames[0].line);
      continue;
    }
    ++named;
    REQUIRE(ours.size() == expected[i].frames.size());
    inlined += ours.size() > 1;
    for (std::size_t j = 0; j < ours.size(); ++j) {
      const SourceFrame& theirs = expected[i].frames[j];
      CHECK(ours[j].file == theirs.file);
      CHECK(ours[j].line == theirs.line);
      if (theirs.function.find("'lambda'") != std::string::npos)
        CHECK(ours[j].function.find("{lambda(int)#1}") != std::string::npos);
      else
        CHECK(ours[j].function == theirs.function);
    }
  }
  CHECK(inlined > 50);
  REQUIRE(symbols.modules.size() == 1);
  CHECK(symbols.modules[0].source == "DWARF");
  CHECK(symbols.modules[0].frames == expected.size());
  CHECK(symbols.modules[0].named == named);
}

}  // namespace

TEST_CASE("DWARF 5: functions, inline chains and lines as llvm-symbolizer has them") { check_like_llvm("full"); }
TEST_CASE("DWARF 4: functions, inline chains and lines as llvm-symbolizer has them") { check_like_llvm("full4"); }

TEST_CASE("a stripped file finds its separate debug file by its link") {
  const Symbols symbols = names_of(file("stripped.so"), {address_in("shop::hidden(int)")});
  CHECK(first_function(symbols) == "shop::hidden(int)");
  CHECK(symbols.modules[0].source == "DWARF");
  CHECK(symbols.names[0].size() > 1);
}

TEST_CASE("a stripped file finds its separate debug file by build-id in --debug-dir") {
  char pattern[] = "/tmp/fdr-symbols-XXXXXX";
  const std::filesystem::path directory = ::mkdtemp(pattern);
  const std::string id = build_id_of("dynsym.so");
  const auto folder = directory / ".build-id" / id.substr(0, 2);
  std::filesystem::create_directories(folder);
  const std::uint64_t hidden = address_in("shop::hidden(int)");
  CHECK(first_function(names_of(file("dynsym.so", id), {hidden}, {{directory.string()}, ""}))
            .starts_with("dynsym.so!fn@"));
  std::filesystem::copy_file(kDirectory + "stripped.debug", folder / (id.substr(2) + ".debug"));
  const Symbols symbols = names_of(file("dynsym.so", id), {hidden}, {{directory.string()}, ""});
  CHECK(first_function(symbols) == "shop::hidden(int)");
  // And the file itself, when nothing is at its path any more.
  std::filesystem::copy_file(kDirectory + "full.so", folder / id.substr(2));
  Module moved = file("moved-away.so", id);
  CHECK(first_function(names_of(moved, {hidden}, {{directory.string()}, ""})) == "shop::hidden(int)");
  moved.build_id[5] ^= 1;
  CHECK(first_function(names_of(moved, {hidden}, {{directory.string()}, ""})).empty());
  std::filesystem::remove_all(directory);
}

TEST_CASE("symbol tables: all, compressed, exported only") {
  const std::uint64_t hidden = address_in("shop::hidden(int)"), plain = address_in("plain_c");
  Symbols symbols = names_of(file("symtab.so"), {hidden});
  CHECK(first_function(symbols) == "shop::hidden(int)");
  CHECK(symbols.modules[0].source == "symtab");

  symbols = names_of(file("mini.so"), {hidden});
  CHECK(first_function(symbols) == "shop::hidden(int)");
  CHECK(symbols.modules[0].source == "gnu_debugdata");

  symbols = names_of(file("dynsym.so"), {plain, hidden});
  CHECK(first_function(symbols) == "plain_c");
  CHECK(symbols.modules[0].source == "dynsym");
  CHECK(symbols.modules[0].named == 1);
  CHECK_FALSE(symbols.modules[0].problem.empty());
}

TEST_CASE("without a symbol a frame is named by where its function begins, never by its neighbour") {
  const std::uint64_t hidden = address_in("shop::hidden(int)");
  const Symbols symbols = names_of(file("dynsym.so"), {hidden, hidden + 4, 0x40});
  CHECK(first_function(symbols).starts_with("dynsym.so!fn@"));
  CHECK(symbols.names[1] == symbols.names[0]);
  CHECK(symbols.names[2].empty());  // in the headers: no function at all
}

TEST_CASE("the file must be the one that was recorded") {
  Module module = file("full.so", build_id_of("full.so"));
  const std::uint64_t hidden = address_in("shop::hidden(int)");
  CHECK(first_function(names_of(module, {hidden})) == "shop::hidden(int)");
  module.build_id[0] = module.build_id[0] == '0' ? '1' : '0';
  const Symbols symbols = names_of(module, {hidden});
  CHECK(symbols.names[0].empty());
  CHECK(symbols.modules[0].problem.find("another build-id") != std::string::npos);
}

TEST_CASE("modules that are no file") {
  StackTable stacks;
  const auto kernel = stacks.intern_module({ModuleKind::kKernel, "[kernel]", ""});
  const auto jit = stacks.intern_module({ModuleKind::kAnonymous, "[anon]", ""});
  const auto vdso = stacks.intern_module({ModuleKind::kVdso, "[vdso]", "00112233"});
  const auto gone = stacks.intern_module({ModuleKind::kFile, "/nonexistent/x", ""});
  stacks.intern_frame(kernel, 0xffffffff81000000, "tcp_sendmsg");
  stacks.intern_frame(kernel, 0xffffffff82000000);
  for (const auto module : {jit, vdso, gone}) stacks.intern_frame(module, 0x1000);
  const Symbols symbols = symbolize(stacks);
  CHECK(symbols.names[0] == std::vector<SourceFrame>{{"tcp_sendmsg", "", 0}});
  CHECK(symbols.modules[0].source == "kallsyms");
  CHECK(symbols.modules[0].named == 1);
  for (std::size_t i = 1; i < 5; ++i) CHECK(symbols.names[i].empty());
  for (const ModuleNaming& naming : symbols.modules) CHECK_FALSE(naming.problem.empty());
}

TEST_CASE("the network is not asked") {
  ::setenv("DEBUGINFOD_URLS", "http://192.0.2.1/", 1);
  names_of(file("dynsym.so"), {0x400});
  CHECK(::getenv("DEBUGINFOD_URLS") == nullptr);
}

TEST_CASE("damaged files cost names, never the program") {
  char pattern[] = "/tmp/fdr-symbols-XXXXXX";
  const std::filesystem::path directory = ::mkdtemp(pattern);
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t offset = 0; offset < 0x700; offset += 16) offsets.push_back(offset);
  std::uint64_t seed = 1;
  const auto random = [&] { return seed = seed * 6364136223846793005u + 1442695040888963407u, seed >> 33; };
  for (const char* name : {"full.so", "full4.so", "mini.so", "stripped.debug"}) {
    const auto whole = test::read_data(std::string("symbols/") + name);
    for (int round = 0; round < 60; ++round) {
      auto bytes = whole;
      if (round % 4 == 0)
        bytes.resize(random() % bytes.size());
      else
        for (int i = 0; i < 1 << (round % 8); ++i)
          bytes[64 + random() % (bytes.size() - 64)] ^= static_cast<std::uint8_t>(1u << (random() % 8));
      const auto path = directory / "damaged.so";
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      const Symbols symbols = names_of({ModuleKind::kFile, path.string(), ""}, offsets);
      CHECK(symbols.names.size() == offsets.size());
    }
  }
  std::filesystem::remove_all(directory);
}
