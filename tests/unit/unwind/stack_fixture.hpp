// The recorded stacks of tests/golden/unwind/stacks (made by tests/programs/make_stack_fixture), with the files they
// ran in.
#pragma once

#include <doctest/doctest.h>
#include <zlib.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "unwind/address_space.hpp"
#include "unwind/module_files.hpp"
#include "unwind/stack_sample.hpp"

namespace fdr::test {

inline std::vector<std::uint8_t> read_data(const std::string& name) {  // plain or gzip
  const std::string path = std::string(FDR_TEST_DATA) + "/golden/unwind/" + name;
  gzFile file = gzopen(path.c_str(), "rb");
  REQUIRE_MESSAGE(file, path);
  std::vector<std::uint8_t> bytes, chunk(1 << 16);
  for (int got; (got = gzread(file, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0;)
    bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + got);
  gzclose(file);
  return bytes;
}

struct StackFixture {
  struct Sample {
    UserRegisters registers;
    std::vector<std::uint8_t> stack;
    std::vector<std::uint64_t> callers;  // the truth, innermost first, without the leaf
  };
  AddressSpace space;
  ModuleFiles files;
  std::vector<Sample> samples;

  explicit StackFixture(bool with_images = true) {
    const auto maps = read_data("stacks/maps");
    for (Mapping& mapping : parse_maps({reinterpret_cast<const char*>(maps.data()), maps.size()}))
      space.add(std::move(mapping));
    if (with_images) {
      add_image({ModuleKind::kFile, "/fixture/program", ""}, "stacks/program.gz");
      add_image({ModuleKind::kFile, "/fixture/libc.so.6", ""}, "stacks/libc.so.6.gz");
      add_image({ModuleKind::kFile, "/fixture/ld-linux-x86-64.so.2", ""}, "stacks/ld.so.gz");
      add_image({ModuleKind::kVdso, "[vdso]", ""}, "stacks/vdso.gz");
    }
    const auto bytes = read_data("stacks/samples.gz");
    for (std::size_t at = 0; at < bytes.size();) {
      std::uint64_t head[10];
      std::memcpy(head, bytes.data() + at, sizeof(head));
      at += sizeof(head);
      Sample sample{{head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]}, {}, {}};
      sample.stack.assign(bytes.data() + at, bytes.data() + at + head[8]);
      at += head[8];
      sample.callers.resize(head[9]);
      if (head[9]) std::memcpy(sample.callers.data(), bytes.data() + at, head[9] * 8);
      at += head[9] * 8;
      samples.push_back(std::move(sample));
    }
  }

  void add_image(const Module& module, const std::string& name) {
    std::string problem;
    auto image = ElfImage::from_memory(read_data(name), &problem);
    REQUIRE_MESSAGE(image, problem);
    files.add_image(module, std::move(image));
  }
};

}  // namespace fdr::test
