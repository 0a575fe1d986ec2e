// Functions by the search table of .eh_frame_hdr: in every form of record that the rows are made of, and from tables
// that lie. Real ones: module_files_test, unwinder_test; damaged ones: hostile_files_test.
#include "unwind/eh_frame_header.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "tests/unit/unwind/made_up_eh_frame.hpp"
#include "unwind/eh_frame_rows.hpp"

using namespace fdr;
using Bytes = std::vector<std::uint8_t>;

namespace {

constexpr std::uint32_t kStart = 0x1100, kSize = 0x80;
// CFA rsp + 8, return address at CFA - 8.
const Bytes kUsual = {0x0c, 7, 8, 0x90, 1};

// What a CIE has behind its id, in the usual form but for its version and the bytes of its augmentation.
Bytes unit(std::uint8_t version, const char* augmentation, const Bytes& data = {}) {
  Bytes body = {0, 0, 0, 0, version};
  for (const char* letter = augmentation; *letter; ++letter) body.push_back(static_cast<std::uint8_t>(*letter));
  body.push_back(0);
  if (version == 4) body.insert(body.end(), {8, 0});  // sizes of an address and of a segment selector
  body.insert(body.end(), {1, 0x78, 16});
  if (*augmentation == 'z') body.push_back(static_cast<std::uint8_t>(data.size()));
  body.insert(body.end(), data.begin(), data.end());
  body.insert(body.end(), kUsual.begin(), kUsual.end());
  return body;
}

struct Form {
  Bytes unit;
  bool pc_relative = true;  // sdata4; otherwise 8 bytes, absolute
  bool has_augmentation = true;
  bool in_64_bits = false;
  std::optional<std::uint32_t> id = {};  // of the FDE, where it is not the distance to the CIE
};

std::unique_ptr<ElfImage> image_of(const Form& form) {
  Bytes eh_frame = test::eh_record(form.unit, form.in_64_bits);
  const auto fde = static_cast<std::uint32_t>(eh_frame.size());
  const std::uint32_t id_at = fde + (form.in_64_bits ? 12 : 4);
  Bytes body;
  test::append(body, form.id.value_or(id_at));
  if (form.pc_relative) {
    test::append(body, kStart - (test::kEhFrame + id_at + 4));
    test::append(body, kSize);
  } else {
    test::append(body, std::uint64_t{kStart});
    test::append(body, std::uint64_t{kSize});
  }
  if (form.has_augmentation) body.push_back(0);
  const Bytes record = test::eh_record(body, form.in_64_bits);
  eh_frame.insert(eh_frame.end(), record.begin(), record.end());
  return test::image_of_eh_frame(eh_frame, {{kStart, test::kEhFrame + fde}});
}

// Whether the table finds the function, and nothing beside it; the rows say the same.
bool finds(const Form& form) {
  const auto image = image_of(form);
  const auto header = EhFrameHeader::of(*image);
  REQUIRE(header);
  CHECK(header->entries() == 1);
  CHECK_FALSE(header->function_at(kStart - 1));
  CHECK_FALSE(header->function_at(kStart + kSize));
  const auto function = header->function_at(kStart + 0x10);
  const ImageRows built = eh_frame_rows(*image);
  CHECK(built.functions == (function ? 1 : 0));
  if (!function) return false;
  CHECK(header->function_at(kStart));
  CHECK(function->start == kStart);
  CHECK(function->end == kStart + kSize);
  REQUIRE(built.rows.size() == 2);
  CHECK(built.rows[0].pc == kStart);
  CHECK(built.rows[1].pc == kStart + kSize);
  return true;
}

}  // namespace

TEST_CASE("eh_frame_hdr: functions of every version and form of record") {
  CHECK(finds({unit(1, "zR", {0x1b})}));
  CHECK(finds({unit(3, "zR", {0x1b})}));
  CHECK(finds({unit(4, "zR", {0x1b})}));
  CHECK(finds({.unit = unit(1, "zR", {0x1b}), .in_64_bits = true}));
  CHECK(finds({.unit = unit(4, "zR", {0x1b}), .in_64_bits = true}));
  CHECK(finds({.unit = unit(1, ""), .pc_relative = false, .has_augmentation = false}));
  CHECK(finds({.unit = unit(1, "zR", {0x00}), .pc_relative = false}));
  CHECK_FALSE(finds({unit(2, "zR", {0x1b})}));
  CHECK_FALSE(finds({unit(5, "zR", {0x1b})}));
  CHECK_FALSE(finds({unit(1, "R", {0x1b})}));   // what its letters stand for cannot be told from the rest
  CHECK_FALSE(finds({unit(1, "zR", {0x9b})}));  // indirect
  CHECK_FALSE(finds({unit(1, "zRzRzRzRzRzRzRzRzRz", {0x1b})}));
}

TEST_CASE("eh_frame_hdr: a personality of any size, before the encoding and behind it") {
  CHECK(finds({unit(1, "zPR", {0x0a, 1, 2, 0x1b})}));                           // sdata2
  CHECK(finds({unit(1, "zPR", {0x02, 1, 2, 0x1b})}));                           // udata2
  CHECK(finds({unit(1, "zPR", {0x01, 0x81, 0x81, 1, 0x1b})}));                  // uleb128
  CHECK(finds({unit(1, "zPLR", {0x9b, 1, 2, 3, 4, 0x1b, 0x1b})}));              // sdata4, as GCC writes it
  CHECK(finds({unit(1, "zPLR", {0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b, 0x1b})}));  // absptr
  CHECK(finds({unit(1, "zRS", {0x1b})}));
  CHECK(finds({unit(1, "zRP", {0x1b, 0x0a, 1, 2})}));
  CHECK_FALSE(finds({unit(1, "zPR", {0x05, 1, 2, 0x1b})}));  // no such encoding
  CHECK_FALSE(finds({unit(1, "zPR", {0x00, 1, 2, 0x1b})}));  // longer than its data
}

TEST_CASE("eh_frame_hdr: an entry that leads to no function, or to none of a CIE") {
  const Bytes usual = unit(1, "zR", {0x1b});
  for (const std::uint32_t id : {0u, 1u, 4u, 0x1000u, 0x3004u, 0x7fffffffu, 0xffffffffu}) {
    CAPTURE(id);
    CHECK_FALSE(finds({.unit = usual, .id = id}));
  }
  // Cut off by the end of its segment.
  Bytes eh_frame = test::eh_record(usual);
  const auto fde = static_cast<std::uint32_t>(eh_frame.size());
  test::append(eh_frame, 0x100u);
  test::append(eh_frame, fde + 4);
  eh_frame.resize(eh_frame.size() + 9);
  for (const std::uint32_t at :
       {test::kEhFrame, test::kEhFrame + fde, test::kEhFrame + fde + 17, 0x9000u, 0u, 0xffffffffu}) {
    CAPTURE(at);
    const auto image = test::image_of_eh_frame(eh_frame, {{kStart, at}});
    const auto header = EhFrameHeader::of(*image);
    REQUIRE(header);
    CHECK_FALSE(header->function_at(kStart));
  }
}
