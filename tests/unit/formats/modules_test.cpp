#include "formats/modules.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "formats/error.hpp"
#include "formats/function_line.hpp"

using namespace fdr;

namespace {

std::vector<RecordedModule> read(const std::string& text, std::size_t* damaged = nullptr) {
  std::size_t count = 0;
  auto modules = modules_from_json(text, damaged ? damaged : &count);
  if (!damaged) CHECK(count == 0);
  return modules;
}

std::string error_of(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// One module with `functions` as text.
std::string document(const std::string& functions) {
  return R"({"modules": [{"path": "/x", "build_id": "ab", "kind": "file", "frames": 1, "source": "symtab", "functions": )" + functions + "}]}";
}

// `count` functions of 0x10 bytes in one file; the frame of function i is met in i samples.
Timeline timeline_of(std::uint64_t count, std::vector<ModuleSlice>& slices) {
  Timeline t;
  const auto module = t.stacks.intern_module({ModuleKind::kFile, "/x", "ab"});
  slices.assign(1, {});
  slices[0].source = "symtab";
  for (std::uint64_t i = 0; i < count; ++i) {
    slices[0].functions.push_back({i * 0x10, 0x10, "function_" + std::to_string(i)});
    const std::uint32_t frames[] = {t.stacks.intern_frame(module, i * 0x10 + 5)};
    const StackId stack = t.stacks.intern_stack(frames);
    for (std::uint64_t s = 0; s < i; ++s) t.samples.push_back({Timestamp{}, 0, 0, false, stack, WalkEnd::kRoot});
  }
  return t;
}

}  // namespace

TEST_CASE("function line: hexadecimal start and size, the rest is the name") {
  const auto line = parse_function_line("7f6f4b7c61c0 254 JS:*hot /srv/my app.js:1:13");
  REQUIRE(line);
  CHECK(line->start == 0x7f6f4b7c61c0);
  CHECK(line->size == 0x254);
  CHECK(line->name == "JS:*hot /srv/my app.js:1:13");
  CHECK(parse_function_line("0x10 0x20 f")->size == 0x20);
  CHECK(parse_function_line("10 20 ")->name.empty());
  CHECK(parse_function_line(function_line(0x10, 0x20, "f"))->name == "f");
  for (const char* bad : {"", " ", "10", "10 ", "10 20", "xyz 20 f", "10 -1 f", "-1 10 f", "10000000000000000 1 f", "ffffffffffffffff 2 f", "10\t20\tf"})
    CHECK_FALSE_MESSAGE(parse_function_line(bad), bad);
}

TEST_CASE("modules: what is written is read back, found by what the module is") {
  StackTable stacks;
  const auto libc = stacks.intern_module({ModuleKind::kFile, "/usr/lib/libc.so.6", "ab12"});
  const auto other = stacks.intern_module({ModuleKind::kFile, "/usr/lib/libc.so.6", "cd34"});
  stacks.intern_module({ModuleKind::kVdso, "[vdso]", ""});
  stacks.intern_module(anonymous_module("anon", 4711));
  stacks.intern_frame(libc, 0x1000);
  stacks.intern_frame(libc, 0x1004);
  stacks.intern_frame(other, 0x1000);
  std::vector<ModuleSlice> slices(2);
  slices[0] = {"dynsym", {{0x1000, 0x40, "_ZN4shop5priceEi"}, {0x2000, 0x10, "odd \x1b[31m\xff name"}}, {{0x3000, 0x30, 0x403000}}, 7};
  slices[1].left_out = 3;
  const std::string text = modules_json(stacks, slices);

  const auto modules = read(text);
  REQUIRE(modules.size() == 4);
  CHECK(modules[0].frames == 2);
  const auto found = slices_of(stacks, modules);
  REQUIRE(found.size() == 4);
  CHECK(found[0].functions[0] == slices[0].functions[0]);
  CHECK(found[0].functions[1].name == "odd \x1b[31m\\xff name");  // control characters are for the screen to escape
  CHECK(found[0].nameless == slices[0].nameless);
  CHECK(found[0].left_out == 7);
  CHECK(found[0].source == "dynsym");
  CHECK(found[1].empty());
  CHECK(found[1].left_out == 3);
  CHECK(found[3].empty());
  // The order in the file says nothing.
  StackTable turned;
  turned.intern_module({ModuleKind::kFile, "/usr/lib/libc.so.6", "ff"});
  turned.intern_module(stacks.modules()[0]);
  const auto of_turned = slices_of(turned, modules);
  CHECK(of_turned[0].empty());
  CHECK(of_turned[1].functions.size() == 2);
}

TEST_CASE("modules: whatever a symbol table calls its functions, what was written can be read") {
  StackTable stacks;
  stacks.intern_module({ModuleKind::kFile, "/x", "ab"});
  for (const std::string& name : {std::string(kMaxSliceName, '\xff'), std::string(kMaxSliceName, '\x01'), std::string("\0\"\\\n", 4),
                                  std::string(kMaxSliceName - 1, 'x') + "\xc3\xa9"}) {
    const auto modules = read(modules_json(stacks, {{"symtab", {{0x10, 8, name}}, {}, 0}}));
    REQUIRE(modules[0].slice.functions.size() == 1);
    CHECK(modules[0].slice.functions[0].name.size() <= kMaxSliceName);
  }
}

TEST_CASE("modules: damage is left out and counted") {
  std::size_t damaged = 0;
  const auto modules = read(document(R"(["10 8 good", "10 good", 5, "20 0 empty", "30 8 ", "ffffffffffffffff 8 far", "40 8 last"])"), &damaged);
  REQUIRE(modules.size() == 1);
  CHECK(damaged == 5);
  REQUIRE(modules[0].slice.functions.size() == 2);
  CHECK(modules[0].slice.functions[1] == ModuleSlice::Function{0x40, 8, "last"});

  damaged = 0;
  CHECK(read(document(R"("no list")"), &damaged).at(0).slice.empty());
  CHECK(damaged == 1);
  damaged = 0;
  CHECK(read(document("[\"10 8 " + std::string(kMaxSliceName + 1, 'n') + "\"]"), &damaged).at(0).slice.empty());
  CHECK(damaged == 1);
  damaged = 0;
  CHECK(read(R"({"modules": [1, {}, {"kind": "elsewhere"}, {"kind": "file", "frames": -3, "path": 4, "nameless": ["10 8 zz"]}]})", &damaged).size() == 1);
  CHECK(damaged == 4);
}

TEST_CASE("modules: a document of the wrong shape, too deep or too large is refused") {
  CHECK(error_of("[]") == "modules.json: no list of modules");
  CHECK(error_of(R"({"modules": {}})") == "modules.json: no list of modules");
  CHECK(error_of("{").find("not JSON") != std::string::npos);
  CHECK(error_of(std::string(100'000, '[')).find("nested deeper") != std::string::npos);
  CHECK(error_of("{\"modules\": [" + std::string(600'000, ',') + "]}").find("more than") != std::string::npos);
  std::string many = "[\"1 1 f\"";
  for (int i = 0; i < 270'000; ++i) many += ",\"1 1 f\"";
  std::size_t damaged = 0;
  CHECK(read(document(many + "]"), &damaged).at(0).slice.functions.size() <= 262'144);
  CHECK(damaged > 0);
}

TEST_CASE("modules: under the cap the functions of most samples stay, and the others are counted") {
  std::vector<ModuleSlice> slices;
  const Timeline timeline = timeline_of(100, slices);
  auto whole = slices;
  fit_slices(timeline, whole);
  CHECK(whole == slices);

  auto cut = slices;
  const std::size_t everything = modules_json(timeline.stacks, slices).size(), empty = modules_json(timeline.stacks, {}).size();
  const std::size_t cap = (everything - empty) / 2;
  fit_slices(timeline, cut, cap);
  CHECK(modules_json(timeline.stacks, cut).size() <= empty + cap + 100);
  const auto& kept = cut[0].functions;
  CHECK(kept.size() > 30);
  CHECK(kept.size() + cut[0].left_out == 100);
  CHECK(cut[0].source == "symtab");
  CHECK(kept.front().name == "function_" + std::to_string(100 - kept.size()));  // sorted by offset again
  CHECK(kept.back().name == "function_99");
}

TEST_CASE("modules: code without a file belongs to one process") {
  CHECK(anonymous_module("anon", 4711).path == "[anon 4711]");
  CHECK(process_of(anonymous_module("unmapped", 4711)) == 4711);
  CHECK(anonymous_module("anon", 1) != anonymous_module("anon", 2));
  for (const char* path : {"[anon]", "[anon x]", "[anon 12", "[anon 99999999999]", "[anon -3]", "[anon 0]", "", "]", " ]"})
    CHECK_FALSE_MESSAGE(process_of({ModuleKind::kAnonymous, path, ""}), path);
  CHECK_FALSE(process_of({ModuleKind::kFile, "[anon 12]", ""}));
}
