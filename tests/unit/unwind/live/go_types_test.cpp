#include "unwind/live/go_types.hpp"

#include <doctest/doctest.h>

#include "tests/unit/unwind/live/made_up_process.hpp"
#include "tests/unit/unwind/made_up_elf.hpp"

using namespace fdr;
using test::MadeUpProcess;

namespace {

constexpr std::uint64_t kTypes = 0x2000, kSize = 0x1000, kBias = 0x7000000;
constexpr std::uint8_t kStruct = 25, kPointer = 22, kExtraStar = 2;

// The section of types of a program in which struct runtime.g has stack (lo, hi), status and, last, gopc.
struct Types {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(kSize);
  std::uint64_t next_name = 0x800;

  template <class T>
  void put(std::uint64_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
  std::uint32_t name(const std::string& text) {
    const std::uint64_t at = next_name;
    bytes[at + 1] = static_cast<std::uint8_t>(text.size());
    std::memcpy(bytes.data() + at + 2, text.data(), text.size());
    next_name += 2 + text.size();
    return static_cast<std::uint32_t>(at);
  }
  struct Field {
    const char* name;
    std::uint64_t offset, type;
  };
  void structure(std::uint64_t at, std::uint32_t name_offset, std::uint64_t size, std::vector<Field> fields, bool old) {
    put(at, size);
    bytes[at + 20] = kExtraStar;
    bytes[at + 23] = kStruct;
    put(at + 40, name_offset);
    put(at + 56, kBias + kTypes + at + 0x80);
    put(at + 64, static_cast<std::uint64_t>(fields.size()));
    for (std::size_t i = 0; i < fields.size(); ++i) {
      put(at + 0x80 + i * 24, kBias + kTypes + name(fields[i].name));
      put(at + 0x80 + i * 24 + 8, kBias + kTypes + fields[i].type);
      put(at + 0x80 + i * 24 + 16, fields[i].offset << old);
    }
  }

  explicit Types(bool old = false) {
    const std::uint32_t g = name("*runtime.g");
    bytes[0x100 + 20] = kExtraStar;  // the pointer to it has the same name
    bytes[0x100 + 23] = kPointer;
    put(0x100 + 40, g);
    structure(0x200, g, 64, {{"stack", 0, 0x400}, {"status", 48, 0}, {"gopc", 56, 0}}, old);
    structure(0x400, name("*runtime.stack"), 16, {{"lo", 0, 0}, {"hi", 8, 0}}, old);
  }

  std::unique_ptr<ElfImage> image() const {
    std::vector<std::uint8_t> file(0x1000);
    const Elf64_Phdr programs[1] = {{PT_LOAD, PF_R, 0x1000, kTypes, kTypes, kSize, kSize, 0x1000}};
    test::put_elf_head(file, programs);
    file.insert(file.end(), bytes.begin(), bytes.end());
    std::string problem;
    auto made = ElfImage::from_memory(file, &problem);
    REQUIRE_MESSAGE(made, problem);
    return made;
  }
  MadeUpProcess process() const {
    MadeUpProcess made;
    made.area(kBias + kTypes, kSize);
    for (std::size_t i = 0; i < bytes.size(); ++i) made.put(kBias + kTypes + i, bytes[i]);
    return made;
  }
};

}  // namespace

TEST_CASE("a struct is found by its name, and its fields by theirs; also where offsets carry the bit of older versions") {
  for (const bool old : {false, true}) {
    CAPTURE(old);
    const Types made(old);
    const auto image = made.image();
    MadeUpProcess process = made.process();
    GoTypes types(*image, kTypes, kTypes + kSize, kBias, process.memory());
    const auto g = types.named("runtime.g");
    REQUIRE(g);
    CHECK(g->size == 64);
    CHECK(types.offset(*g, "status") == 48);
    CHECK(types.offset(*g, "gopc") == 56);
    CHECK(types.offset(*g, "stack.hi") == 8);
    CHECK(!types.offset(*g, "stack.top"));
    CHECK(!types.offset(*g, "status.value"));
    CHECK(!types.offset(*g, "goid"));
    CHECK(!types.named("runtime.p"));
  }
}

TEST_CASE("descriptors that lie are none") {
  Types made;
  SUBCASE("no such range") {
    const auto image = made.image();
    MadeUpProcess process = made.process();
    CHECK(!GoTypes(*image, kTypes + kSize, kTypes, kBias, process.memory()).named("runtime.g"));
    CHECK(!GoTypes(*image, 0x10, 0x20, kBias, process.memory()).named("runtime.g"));
    return;
  }
  SUBCASE("too many fields") { made.put(0x200 + 64, std::uint64_t{1} << 40); }
  SUBCASE("fields nowhere") { made.put(0x200 + 56, std::uint64_t{8}); }
  SUBCASE("too large") { made.put(0x200, std::uint64_t{1} << 40); }
  const auto image = made.image();
  MadeUpProcess process = made.process();
  CHECK(!GoTypes(*image, kTypes, kTypes + kSize, kBias, process.memory()).named("runtime.g"));
}

TEST_CASE("a type that holds itself ends with the path that was asked for") {
  Types made;
  made.put(0x200 + 0x80 + 8, kBias + kTypes + 0x200);  // stack is a runtime.g
  const auto image = made.image();
  MadeUpProcess process = made.process();
  GoTypes types(*image, kTypes, kTypes + kSize, kBias, process.memory());
  const auto g = types.named("runtime.g");
  REQUIRE(g);
  CHECK(types.offset(*g, "stack.stack.gopc") == 56);
}
