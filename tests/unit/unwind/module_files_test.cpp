#include "unwind/module_files.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/unit/unwind/stack_fixture.hpp"
#include "unwind/eh_frame_header.hpp"

using namespace fdr;

namespace {

const std::string kDirectory = std::string(FDR_TEST_DATA) + "/golden/unwind/symbols/";

std::unique_ptr<ElfImage> open_fixture(const std::string& name) {
  std::string problem;
  auto image = ElfImage::open(kDirectory + name, &problem);
  REQUIRE_MESSAGE(image, problem);
  return image;
}

struct Scratch {
  std::filesystem::path path;
  Scratch() {
    char pattern[] = "/tmp/fdr-modules-XXXXXX";
    path = ::mkdtemp(pattern);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("an image knows its segments, build-id and unwind table") {
  const auto image = open_fixture("full.so");
  CHECK(image->build_id().size() == 40);
  CHECK(image->segments().size() == 2);
  CHECK(image->segments()[0].executable);
  CHECK(image->vaddr_of_offset(0x3d0) == 0x3d0);
  const auto& data = image->segments()[1];
  CHECK(image->vaddr_of_offset(data.offset) == data.vaddr);
  CHECK(image->offset_of_vaddr(data.vaddr) == data.offset);
  CHECK_FALSE(image->vaddr_of_offset(data.offset + data.file_size));
  CHECK_FALSE(image->offset_of_vaddr(data.vaddr + data.file_size));  // .bss
  const auto header = EhFrameHeader::of(*image);
  REQUIRE(header);
  CHECK(header->entries() > 3);
  const auto function = header->function_at(0x3d4);
  REQUIRE(function);
  CHECK(function->start <= 0x3d4);
  CHECK(function->end > 0x3d4);
  CHECK_FALSE(header->function_at(0x10));
  CHECK_FALSE(header->function_at(~0ull));
}

TEST_CASE("what is no image says why") {
  const auto problem_of = [](const std::string& path) {
    std::string problem;
    CHECK_FALSE(ElfImage::open(path, &problem));
    return problem;
  };
  CHECK(problem_of("/nonexistent") == "No such file or directory");
  CHECK(problem_of("/tmp") == "not a regular file");
  CHECK(problem_of("/dev/null") == "not a regular file");
  CHECK(problem_of(kDirectory + "full.expected") == "not an ELF file");
  const Scratch scratch;
  ::mkfifo((scratch.path / "fifo").c_str(), 0600);
  CHECK(problem_of(scratch.path / "fifo") == "not a regular file");  // and does not wait for a writer

  std::string problem;
  auto bytes = test::read_data("symbols/full.so");
  bytes[4] = 1;  // ELFCLASS32
  CHECK_FALSE(ElfImage::from_memory(bytes, &problem));
  CHECK(problem == "not an x86-64 ELF file");
  bytes[4] = 2;
  for (int i = 0; i < 8; ++i) bytes[32 + i] = 0xff;  // e_phoff
  CHECK_FALSE(ElfImage::from_memory(bytes, &problem));
  CHECK(problem == "program headers lie outside the file");
  CHECK_FALSE(ElfImage::from_memory({}, &problem));
}

TEST_CASE("sources come first, then the path; a wrong build-id is refused") {
  const std::string id = open_fixture("full.so")->build_id();
  ModuleFiles files;
  const Module gone{ModuleKind::kFile, "/nonexistent/lib.so", id};
  CHECK(files.find(gone) == nullptr);
  CHECK(files.reason(gone) == "/nonexistent/lib.so: No such file or directory");
  files.add_source(gone, kDirectory + "full4.so");  // another file
  CHECK(files.find(gone) == nullptr);
  CHECK(files.reason(gone).find("another build-id") != std::string::npos);
  files.add_source(gone, kDirectory + "full.so");
  const ElfImage* found = files.find(gone);
  REQUIRE(found);
  CHECK(found->path() == kDirectory + "full.so");
  CHECK(files.reason(gone).empty());
  CHECK(files.find(gone) == found);

  const Module plain{ModuleKind::kFile, kDirectory + "full4.so", ""};
  files.add_source(plain, kDirectory + "full.so");
  CHECK(files.find(plain)->path() == kDirectory + "full.so");
  CHECK(files.find({ModuleKind::kFile, "relative/full.so", ""}) == nullptr);
  CHECK(files.find({ModuleKind::kAnonymous, "[anon]", ""}) == nullptr);
  CHECK(files.reason({ModuleKind::kAnonymous, "[anon]", ""}) == "not a file");
}

TEST_CASE("a file that may not be touched is as good as none") {
  const Module module{ModuleKind::kFile, kDirectory + "full.so", ""};
  ModuleFiles waiting({.debug_dirs = {}, .sysroot = {}, .answers = [](const std::string& path) { return !path.starts_with(kDirectory); }});
  CHECK(waiting.find(module) == nullptr);
  CHECK(waiting.reason(module) == kDirectory + "full.so: its file system does not answer");

  ModuleFiles files;
  files.withhold(module, "not now");
  CHECK(files.find(module) == nullptr);
  CHECK(files.reason(module) == "not now");
  files.add_source(module, kDirectory + "full.so");
  const ElfImage* found = files.find(module);
  REQUIRE(found);
  files.withhold(module, "not now");
  CHECK(files.find(module) == found);
}

TEST_CASE("sysroot and debug directories") {
  const Scratch scratch;
  const std::string id = open_fixture("full.so")->build_id();
  std::filesystem::create_directories(scratch.path / "root/opt");
  std::filesystem::copy_file(kDirectory + "full.so", scratch.path / "root/opt/x.so");
  ModuleFiles in_sysroot({{}, scratch.path / "root"});
  CHECK(in_sysroot.find({ModuleKind::kFile, "/opt/x.so", id}));
  ModuleFiles nowhere;
  CHECK_FALSE(nowhere.find({ModuleKind::kFile, "/opt/x.so", id}));

  std::filesystem::create_directories(scratch.path / "debug/.build-id" / id.substr(0, 2));
  std::filesystem::copy_file(kDirectory + "full.so", scratch.path / "debug/.build-id" / id.substr(0, 2) / id.substr(2));
  ModuleFiles by_id({{scratch.path / "debug"}, ""});
  CHECK(by_id.find({ModuleKind::kFile, "/opt/x.so", id}));
  CHECK_FALSE(by_id.find({ModuleKind::kFile, "/opt/x.so", "../../../etc"}));
}

TEST_CASE("an image that was given stays") {
  ModuleFiles files;
  const Module vdso{ModuleKind::kVdso, "[vdso]", open_fixture("full.so")->build_id()};
  CHECK_FALSE(files.find(vdso));
  files.add_image(vdso, open_fixture("full4.so"));  // another build-id
  CHECK_FALSE(files.find(vdso));
  std::string problem;
  files.add_image(vdso, ElfImage::from_memory(test::read_data("symbols/full.so"), &problem));
  const ElfImage* first = files.find(vdso);
  REQUIRE(first);
  files.add_image(vdso, open_fixture("full.so"));
  CHECK(files.find(vdso) == first);
}
