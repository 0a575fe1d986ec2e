// A tiny ELF image with code, a pclntab of any known version and module data, made in memory: Go binaries are too large
// to be kept as fixtures.
#pragma once

#include <doctest/doctest.h>
#include <elf.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/unwind/made_up_elf.hpp"
#include "unwind/elf_image.hpp"

namespace fdr::test {

struct GoCode {
  enum TextStart { kInHeader, kRelocated, kInModuleData, kNowhere };
  std::string name;
  std::uint32_t size = 0;
  std::vector<std::uint8_t> code;                             // its beginning
  std::vector<std::pair<std::uint32_t, std::int64_t>> steps;  // length, how far sp has moved
  std::uint8_t flags = 0;
  std::string file = {};                                             // of all its instructions
  std::vector<std::pair<std::uint32_t, std::int64_t>> lines = {};    // length, line
  std::vector<std::pair<std::uint32_t, std::int64_t>> inlined = {};  // length, index into calls or -1
  struct Call {
    std::string name;
    std::uint32_t called_at = 0;  // from the entry
  };
  std::vector<Call> calls = {};
};

class MadeUpGo {
 public:
  static constexpr std::uint64_t kTextVaddr = 0x1000, kDataVaddr = 0x100000;

  explicit MadeUpGo(int version) : version_(version) {}
  void add(GoCode function) { functions_.push_back(std::move(function)); }

  GoCode::TextStart text_start = GoCode::kInHeader;
  std::size_t broken_function = SIZE_MAX;

  std::vector<std::uint8_t> bytes() const {
    std::vector<std::uint8_t> text, trees, table = make_table(text, trees), data = make_data(table, trees),
                                    file(kTextVaddr);
    const std::uint64_t data_offset = kTextVaddr + text.size();
    const std::uint64_t dynamic = data_offset + data.size() - 3 * sizeof(Elf64_Dyn);
    const Elf64_Phdr programs[4] = {
        {PT_LOAD, PF_R, 0, 0, 0, kTextVaddr, kTextVaddr, 0x1000},
        {PT_LOAD, PF_R | PF_X, kTextVaddr, kTextVaddr, kTextVaddr, text.size(), text.size(), 0x1000},
        {PT_LOAD, PF_R | PF_W, data_offset, kDataVaddr, kDataVaddr, data.size(), data.size(), 0x1000},
        {PT_DYNAMIC, PF_R, dynamic, 0, 0, 3 * sizeof(Elf64_Dyn), 3 * sizeof(Elf64_Dyn), 8},
    };
    put_elf_head(file, programs);
    file.insert(file.end(), text.begin(), text.end());
    file.insert(file.end(), data.begin(), data.end());
    return file;
  }

  std::unique_ptr<ElfImage> image() const {
    std::string problem;
    auto made = ElfImage::from_memory(bytes(), &problem);
    REQUIRE_MESSAGE(made, problem);
    return made;
  }

 private:
  template <class T>
  static void put(std::vector<std::uint8_t>& to, T value) {
    const auto* from = reinterpret_cast<const std::uint8_t*>(&value);
    to.insert(to.end(), from, from + sizeof(value));
  }
  static void put_varint(std::vector<std::uint8_t>& to, std::uint64_t value) {
    for (; value > 127; value >>= 7) to.push_back(static_cast<std::uint8_t>(value | 128));
    to.push_back(static_cast<std::uint8_t>(value));
  }
  static void align(std::vector<std::uint8_t>& bytes) { bytes.resize((bytes.size() + 7) / 8 * 8); }

  // Where they begin.
  static std::uint32_t put_values(std::vector<std::uint8_t>& to,
                                  const std::vector<std::pair<std::uint32_t, std::int64_t>>& steps) {
    const auto begin = static_cast<std::uint32_t>(to.size());
    std::int64_t last = -1;
    for (const auto& [length, value] : steps) {
      const std::int64_t delta = value - last;
      put_varint(to, (static_cast<std::uint64_t>(delta) << 1) ^ static_cast<std::uint64_t>(delta >> 63));
      put_varint(to, length);
      last = value;
    }
    to.push_back(0);
    return begin;
  }

  std::vector<std::uint8_t> make_table(std::vector<std::uint8_t>& text, std::vector<std::uint8_t>& trees) const {
    const bool wide = version_ < 18;
    std::vector<std::uint8_t> names = {0}, units = {0, 0, 0, 0}, files = {0}, values = {0}, index, bodies;
    const std::size_t index_size = functions_.size() * (wide ? 16 : 8) + (wide ? 8 : 4);
    for (std::size_t i = 0; i < functions_.size(); ++i) {
      const GoCode& function = functions_[i];
      const std::uint64_t entry = text.size();
      const std::uint64_t body = (index_size + 7) / 8 * 8 + bodies.size();
      const auto name = static_cast<std::uint32_t>(names.size());
      names.insert(names.end(), function.name.begin(), function.name.end());
      names.push_back(0);
      const auto pcsp = function.steps.empty() ? 0u : static_cast<std::uint32_t>(values.size());
      put_values(values, function.steps);
      std::uint32_t pcfile = 0, pcline = 0, pcinlined = 0, unit = 0;
      if (!function.file.empty()) {
        unit = static_cast<std::uint32_t>(units.size() / 4) - 1;  // its file is the unit's second
        put(units, static_cast<std::uint32_t>(files.size()));
        files.insert(files.end(), function.file.begin(), function.file.end());
        files.push_back(0);
        pcfile = put_values(values, {{function.size, 1}});
      }
      if (!function.lines.empty()) pcline = put_values(values, function.lines);
      if (!function.inlined.empty()) pcinlined = put_values(values, function.inlined);
      const auto tree = static_cast<std::uint32_t>(trees.size());
      for (const GoCode::Call& call : function.calls) {
        const auto called = static_cast<std::uint32_t>(names.size());
        names.insert(names.end(), call.name.begin(), call.name.end());
        names.push_back(0);
        if (version_ >= 20)
          for (const std::uint32_t field : {0u, called, call.called_at, 0u}) put(trees, field);
        else
          for (const std::uint32_t field : {0u, 0u, 0u, called, call.called_at}) put(trees, field);
      }
      if (wide) {
        put<std::uint64_t>(index, kTextVaddr + entry);
        put<std::uint64_t>(index, body);
        put<std::uint64_t>(bodies, kTextVaddr + entry + (i == broken_function));
      } else {
        put<std::uint32_t>(index, static_cast<std::uint32_t>(entry));
        put<std::uint32_t>(index, static_cast<std::uint32_t>(body));
        put<std::uint32_t>(bodies, static_cast<std::uint32_t>(entry + (i == broken_function)));
      }
      for (const std::uint32_t field : {name, 0u, 0u, pcsp, pcfile, pcline, 3u, unit}) put(bodies, field);
      if (version_ >= 20) put<std::uint32_t>(bodies, 1);
      for (const std::uint8_t field : {std::uint8_t{0}, function.flags, std::uint8_t{0}, std::uint8_t{4}})
        bodies.push_back(field);
      for (const std::uint32_t field : {0u, 0u, pcinlined}) put(bodies, field);  // PCDATA
      if (wide) align(bodies);
      for (std::uint32_t which = 0; which < 4; ++which) {  // FUNCDATA
        const std::uint32_t offset = which == 3 && !function.calls.empty() ? tree : UINT32_MAX;
        wide ? put<std::uint64_t>(bodies, 0) : put(bodies, offset);
      }
      if (wide) align(bodies);
      text.insert(text.end(), function.code.begin(), function.code.end());
      text.resize(entry + function.size, 0xcc);
    }
    if (wide)
      put<std::uint64_t>(index, kTextVaddr + text.size());
    else
      put<std::uint32_t>(index, static_cast<std::uint32_t>(text.size()));
    align(index), align(names), align(units), align(files), align(values);

    std::vector<std::uint8_t> table;
    const std::uint32_t magic = version_ == 20 ? 0xfffffff1 : version_ == 18 ? 0xfffffff0 : 0xfffffffa;
    put<std::uint64_t>(table, magic | 0x0801'0000'0000'0000);
    put<std::uint64_t>(table, functions_.size());
    put<std::uint64_t>(table, 0);
    if (!wide) put<std::uint64_t>(table, text_start == GoCode::kInHeader ? kTextVaddr : 0);
    index.insert(index.end(), bodies.begin(), bodies.end());
    std::uint64_t at = table.size() + 40;
    for (const auto* part : {&names, &units, &files, &values, &index}) {
      put<std::uint64_t>(table, at);
      at += part->size();
    }
    for (const auto* part : {&names, &units, &files, &values, &index})
      table.insert(table.end(), part->begin(), part->end());
    align(table);
    return table;
  }

  // The table, module data, inline trees, relocations and the dynamic section.
  std::vector<std::uint8_t> make_data(const std::vector<std::uint8_t>& table,
                                      const std::vector<std::uint8_t>& trees) const {
    std::uint64_t text_size = 0;
    for (const GoCode& function : functions_) text_size += function.size;
    std::vector<std::uint8_t> data = table;
    const std::uint64_t module = data.size();
    data.resize(module + 512);
    const std::uint64_t go_func = data.size();
    data.insert(data.end(), trees.begin(), trees.end());
    align(data);
    std::vector<Elf64_Rela> relocations;
    const auto relocate = [&](std::uint64_t offset, std::uint64_t target) {
      relocations.push_back({kDataVaddr + offset, R_X86_64_RELATIVE, static_cast<Elf64_Sxword>(target)});
    };
    if (text_start == GoCode::kRelocated) relocate(24, kTextVaddr);
    if (text_start != GoCode::kNowhere) {
      relocate(module, kDataVaddr);
      relocate(module + (version_ >= 20 ? 320 : 304), kDataVaddr + go_func);
      relocate(module + 160, kTextVaddr);
      relocate(module + 168, kTextVaddr + text_size);
      relocate(module + 176, kTextVaddr);
    }
    const std::uint64_t rela = data.size();
    for (const Elf64_Rela& relocation : relocations) put(data, relocation);
    put(data, Elf64_Dyn{DT_RELA, {kDataVaddr + rela}});
    put(data, Elf64_Dyn{DT_RELASZ, {relocations.size() * sizeof(Elf64_Rela)}});
    put(data, Elf64_Dyn{DT_NULL, {0}});
    return data;
  }

  int version_;
  std::vector<GoCode> functions_;
};

}  // namespace fdr::test
