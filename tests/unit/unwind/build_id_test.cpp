// What tells one build of a program from another: its GNU build-id, or what Go's linker writes instead.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "tests/unit/unwind/made_up_elf.hpp"
#include "unwind/elf_image.hpp"

using namespace fdr;

namespace {

struct Note {
  std::string name, text;  // the name with its zeros
  std::uint32_t type = 0;
};

std::unique_ptr<ElfImage> image_of(const std::vector<Note>& notes, std::uint64_t align = 4) {
  std::vector<std::uint8_t> bytes;
  const auto put = [&](const void* data, std::size_t size) {
    const auto* from = static_cast<const std::uint8_t*>(data);
    bytes.insert(bytes.end(), from, from + size);
    bytes.resize((bytes.size() + align - 1) / align * align);
  };
  for (const Note& note : notes) {
    const Elf64_Nhdr header{static_cast<std::uint32_t>(note.name.size()), static_cast<std::uint32_t>(note.text.size()), note.type};
    const auto* from = reinterpret_cast<const std::uint8_t*>(&header);
    bytes.insert(bytes.end(), from, from + sizeof header);  // the name follows at once, whatever the alignment
    put(note.name.data(), note.name.size());
    put(note.text.data(), note.text.size());
  }
  Elf64_Phdr programs[2]{};
  std::vector<std::uint8_t> file(sizeof(Elf64_Ehdr) + sizeof programs);
  programs[0].p_type = PT_LOAD;
  programs[0].p_flags = PF_R | PF_X;
  programs[0].p_filesz = programs[0].p_memsz = file.size() + bytes.size();
  programs[1].p_type = PT_NOTE;
  programs[1].p_offset = file.size();
  programs[1].p_filesz = bytes.size();
  programs[1].p_align = align;
  test::put_elf_head(file, programs);
  file.insert(file.end(), bytes.begin(), bytes.end());
  std::string problem;
  auto image = ElfImage::from_memory(file, &problem);
  REQUIRE_MESSAGE(image, problem);
  return image;
}

std::string build_id_of(const std::vector<Note>& notes) { return image_of(notes)->build_id(); }

const Note kGnu{std::string("GNU\0", 4), "\xab\xcd", NT_GNU_BUILD_ID};
Note of_go(const std::string& text) { return {std::string("Go\0\0", 4), text, 4}; }

}  // namespace

TEST_CASE("build-id: of Go it is made of the linker's own, the same for the same build only") {
  const std::string one = build_id_of({of_go("action/main/content")});
  CHECK(one.size() == 40);
  CHECK(one.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(one == build_id_of({of_go("action/main/content")}));
  CHECK(one != build_id_of({of_go("action/main/another")}));
}

TEST_CASE("build-id: a GNU one comes first, wherever it stands; other notes are none") {
  CHECK(build_id_of({kGnu}) == "abcd");
  CHECK(build_id_of({of_go("action/main/content"), kGnu}) == "abcd");
  CHECK(build_id_of({of_go("")}).empty());
  CHECK(build_id_of({of_go(std::string(4096, 'x'))}).empty());
  CHECK(build_id_of({{std::string("Go\0\0", 4), "text", 3}, {std::string("Foo\0", 4), "text", 4}}).empty());
}

TEST_CASE("build-id: behind a property in a segment of notes aligned to eight") {
  const Note property{std::string("GNU\0", 4), std::string(16, 'p'), NT_GNU_PROPERTY_TYPE_0};
  CHECK(image_of({property, kGnu}, 8)->build_id() == "abcd");
  CHECK(image_of({property, kGnu}, 4)->build_id() == "abcd");
  CHECK(image_of({property, of_go("action/main/content")}, 8)->build_id() == build_id_of({of_go("action/main/content")}));
}

TEST_CASE("a note of Go's, of whatever type, says whose linker it was") {
  CHECK(image_of({kGnu, of_go("action/main/content")})->has_go_note());
  CHECK(image_of({{std::string("Go\0\0", 4), "", 1}})->has_go_note());
  CHECK_FALSE(image_of({kGnu})->has_go_note());
  CHECK_FALSE(image_of({{std::string("Gox\0", 4), "text", 4}})->has_go_note());
}
