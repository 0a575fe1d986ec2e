// Files of a target's making: each gives an answer or a reason, in bounded time and memory, whatever it is and wherever its links lead.
#include <doctest/doctest.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/unit/unwind/made_up_elf.hpp"
#include "tests/unit/unwind/stack_fixture.hpp"
#include "unwind/eh_frame_header.hpp"
#include "unwind/eh_frame_rows.hpp"
#include "unwind/elf_sections.hpp"
#include "unwind/module_files.hpp"
#include "unwind/module_rows.hpp"
#include "unwind/plt_symbols.hpp"

using namespace fdr;

namespace {

const std::string kFixtures = std::string(FDR_TEST_DATA) + "/golden/unwind/symbols/";
constexpr std::uint64_t kTwoGb = 2ull << 30;

struct Scratch {
  std::filesystem::path path;
  Scratch() {
    char pattern[] = "/tmp/fdr-hostile-XXXXXX";
    path = ::mkdtemp(pattern);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

std::unique_ptr<ElfImage> image_of(std::vector<std::uint8_t> bytes) {
  std::string problem;
  auto image = ElfImage::from_memory(std::move(bytes), &problem);
  REQUIRE_MESSAGE(image, problem);
  return image;
}

std::vector<std::uint8_t> fixture() { return test::read_data("symbols/full.so"); }

// The program headers of a file, to be changed in place.
template <class Change>
void change_programs(std::vector<std::uint8_t>& file, std::uint32_t type, Change change) {
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr program;
    std::uint8_t* at = file.data() + header.e_phoff + i * sizeof program;
    std::memcpy(&program, at, sizeof program);
    if (program.p_type != type) continue;
    change(program);
    std::memcpy(at, &program, sizeof program);
  }
}

template <class Change>
void change_sections(std::vector<std::uint8_t>& file, Change change) {
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  for (std::size_t i = 1; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    std::uint8_t* at = file.data() + header.e_shoff + i * sizeof section;
    std::memcpy(&section, at, sizeof section);
    change(section);
    std::memcpy(at, &section, sizeof section);
  }
}

}  // namespace

TEST_CASE("a search table that lies finds no function, or one that holds the address") {
  const auto whole = fixture();
  const auto honest = image_of(whole);
  const auto header = honest->eh_frame_header();
  REQUIRE(header);
  REQUIRE(EhFrameHeader::of(*honest));
  const auto with = [&](std::size_t at, std::uint32_t word) {
    auto bytes = whole;
    std::memcpy(bytes.data() + header->offset + at, &word, sizeof word);
    return image_of(std::move(bytes));
  };
  for (const std::uint32_t count : {0x7fffffffu, 0xffffffffu, 1u << 29}) CHECK_FALSE(EhFrameHeader::of(*with(8, count)));
  for (std::size_t word = 4; word < header->file_size && word < 80; word += 4) {
    for (const std::uint32_t lie : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu, 0xfffffff0u}) {
      const auto image = with(word, lie);
      const auto table = EhFrameHeader::of(*image);
      for (std::uint64_t address = 0; table && address < 0x2000; address += 0x11)
        if (const auto function = table->function_at(address)) CHECK((function->start <= address && address < function->end));
      // Where it says .eh_frame is (the word at 4) rows are looked for, and there may be none.
      const ModuleRows rows = rows_of(*image);
      CHECK(rows.rows.empty() == (rows.functions == 0));
      CHECK(rows.rows.size() < whole.size());
    }
  }
}

TEST_CASE("segments and sections of two gigabytes in a small file") {
  auto segments = fixture();
  change_programs(segments, PT_LOAD, [](Elf64_Phdr& program) { program.p_filesz = program.p_memsz = kTwoGb; });
  const auto loaded = image_of(segments);
  CHECK(loaded->segments()[0].file_size == kTwoGb);
  CHECK(rows_of(*loaded).rows.size() < segments.size());
  plt_symbols(*loaded);
  for (const std::uint32_t type : {std::uint32_t{PT_GNU_EH_FRAME}, std::uint32_t{PT_NOTE}, std::uint32_t{PT_DYNAMIC}}) {
    auto file = fixture();
    change_programs(file, type, [](Elf64_Phdr& program) { program.p_filesz = program.p_memsz = kTwoGb; });
    const auto image = image_of(file);
    CHECK(image->build_id().empty() == (type == PT_NOTE));
    CHECK(image->eh_frame_header().has_value() == (type != PT_GNU_EH_FRAME));
    CHECK(rows_of(*image).rows.size() < file.size());
    plt_symbols(*image);
  }
  auto file = fixture();
  const auto image = image_of(file);
  REQUIRE(find_section(*image, ".eh_frame"));
  // The table of names keeps its size, so that sections are still found by name.
  change_sections(file, [](Elf64_Shdr& section) {
    if (section.sh_type != SHT_STRTAB) section.sh_size = kTwoGb;
  });
  const auto lying = image_of(file);
  CHECK_FALSE(find_section(*lying, ".eh_frame"));
  CHECK_FALSE(find_section(*lying, ".text"));
  // Its rows come by the program headers all the same.
  CHECK(rows_of(*lying).rows.size() == rows_of(*image).rows.size());
  plt_symbols(*lying);
}

TEST_CASE("a file of two gigabytes that is all hole is not read through") {
  const Scratch scratch;
  const std::string path = scratch.path / "sparse";
  std::vector<std::uint8_t> head(4096);
  std::vector<Elf64_Phdr> programs;
  for (int i = 0; i < 50; ++i) programs.push_back({PT_LOAD, PF_R | (i % 2 ? PF_X : 0u), 0, 0, 0, kTwoGb, kTwoGb, 0x1000});
  test::put_elf_head(head, programs);
  {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(head.data()), static_cast<std::streamsize>(head.size()));
  }
  REQUIRE(::truncate(path.c_str(), kTwoGb) == 0);
  std::string problem;
  const auto image = ElfImage::open(path, &problem);
  REQUIRE_MESSAGE(image, problem);
  CHECK(rows_of(*image).rows.empty());
  // What was touched of it is in the page cache now.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  void* mapped = ::mmap(nullptr, kTwoGb, PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  REQUIRE(mapped != MAP_FAILED);
  std::vector<unsigned char> pages(kTwoGb / 4096);
  REQUIRE(::mincore(mapped, kTwoGb, pages.data()) == 0);
  ::munmap(mapped, kTwoGb);
  std::size_t touched = 0;
  for (const unsigned char page : pages) touched += page & 1;
  CHECK(touched < (256u << 20) / 4096);
}

TEST_CASE("links in circles, directories, fifos and devices where a file should be: a reason, and the next place is tried") {
  const Scratch scratch;
  const auto root = scratch.path;
  std::filesystem::create_symlink("b", root / "a");
  std::filesystem::create_symlink("a", root / "b");
  std::filesystem::create_symlink("../" + root.filename().string() + "/circle", root / "circle");
  std::filesystem::create_directory(root / "directory");
  REQUIRE(::mkfifo((root / "fifo").c_str(), 0600) == 0);
  std::filesystem::create_symlink("/dev/zero", root / "device");
  std::filesystem::create_symlink("/proc/self/mem", root / "memory");
  std::ofstream(root / "short") << "\177ELF";
  std::ofstream(root / "empty");

  const std::string id = image_of(fixture())->build_id();
  for (const char* name : {"a", "circle/x", "directory", "fifo", "device", "memory", "short", "empty", "absent"}) {
    CAPTURE(name);
    const std::string path = root / name;
    std::string problem;
    CHECK_FALSE(ElfImage::open(path, &problem));
    CHECK(!problem.empty());
    // As a source, and in a sysroot: the file is then found elsewhere.
    const Module module{ModuleKind::kFile, kFixtures + "full.so", id};
    ModuleFiles files;
    files.add_source(module, path);
    CHECK(files.find(module));
    const Module hidden{ModuleKind::kFile, std::string("/") + name, id};
    ModuleFiles in_root({{}, root});
    CHECK_FALSE(in_root.find(hidden));
    CHECK_FALSE(in_root.reason(hidden).empty());
    in_root.add_source(hidden, kFixtures + "full.so");
    CHECK(in_root.find(hidden));
  }
}
