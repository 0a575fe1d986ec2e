// Segments and rows of a process, put together from its mappings, for tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "unwind/address_space.hpp"
#include "unwind/module_files.hpp"
#include "unwind/module_rows.hpp"
#include "unwind/row_walker.hpp"

namespace fdr::test {

struct RowTables {
  std::vector<fdr_segment> segments;
  std::vector<fdr_row> rows;

  RowTable view() const { return {segments, rows}; }

  // `mappings` sorted by start and without overlap.
  RowTables(const std::vector<Mapping>& mappings, ModuleFiles& files) {
    struct Placed {
      ModuleRows module;
      std::uint32_t first = 0;
    };
    std::map<Module, Placed> known;
    for (const Mapping& mapping : mappings) {
      fdr_segment segment{mapping.start, mapping.end, 0, 0, 0};
      if (const ElfImage* image = files.find(mapping.module)) {
        auto [at, is_new] = known.try_emplace(mapping.module);
        if (is_new) {
          at->second = {rows_of(*image), static_cast<std::uint32_t>(rows.size())};
          rows.insert(rows.end(), at->second.module.rows.begin(), at->second.module.rows.end());
        }
        if (const auto vaddr = image->vaddr_of_offset(mapping.file_offset)) {
          segment.bias = at->second.module.bias(mapping.start, *vaddr);
          segment.first = at->second.first;
          segment.count = static_cast<std::uint32_t>(at->second.module.rows.size());
        }
      }
      segments.push_back(segment);
    }
  }
};

}  // namespace fdr::test
