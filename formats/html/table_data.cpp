#include "formats/html/table_data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string_view>
#include <vector>

#include "formats/error.hpp"
#include "formats/html/embedded_size.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

// Not here: stacks and metrics have graphs, single calls and the ledger are too many, the manifest's figures stand above.
constexpr std::array<std::string_view, 18> kTables = {"threads", "syscalls", "slow",       "failed", "errors",
                                                      "stalls",  "growth",   "goroutines", "heap",   "sockets",
                                                      "slab",    "logs",     "processes", "timeline",  "history", "baselines", "modules", "rings"};
constexpr std::size_t kMaxStackFrames = 60;     // of a row
constexpr std::size_t kMaxTableText = 80'000;  // of the texts of one table

const char* show_name(Show show) {
  switch (show) {
    case Show::kText: return "text";
    case Show::kCount: return "count";
    case Show::kBytes: return "bytes";
    case Show::kDuration: return "duration";
    case Show::kAt: return "at";
    case Show::kSeconds: return "tenths";
    case Show::kNumber: return "number";
  }
  return "text";
}

// Innermost functions are kept: they say where it stood.
Json stack_of(const Json& row, NameTable& names) {
  Json stack = Json::array();
  const auto found = row.find("stack");
  if (found == row.end() || !found->is_array()) return stack;
  const std::size_t first = found->size() > kMaxStackFrames ? found->size() - kMaxStackFrames : 0;
  for (std::size_t i = first; i < found->size(); ++i)
    if ((*found)[i].is_string())
      stack.push_back(names.number(printable((*found)[i].get_ref<const std::string&>()), NameKind::kUser));
  return stack;
}

// Room that the text in a row's cells takes.
std::size_t text_size(const Json& cells) {
  std::size_t size = 0;
  for (const Json& cell : cells)
    if (cell.is_string()) size += embedded_size(cell.get_ref<const std::string&>());
  return size;
}

// Which rows fit, in their order. Parts begin with what matters most, but what happened is told in the order of time: there the
// rows around the firing matter; and of the stalls those that are not waits by nature.
std::vector<std::size_t> kept_rows(const Json& rows, std::string_view part) {
  std::vector<std::size_t> kept(rows.size());
  std::iota(kept.begin(), kept.end(), std::size_t{0});
  if (kept.size() <= kMaxTableRows) return kept;
  const auto rank = [&](std::size_t row) {
    if (part == "timeline") return std::abs(rows[row].at("at_s").get<double>());
    return part == "stalls" && rows[row].at("kind") == stall_kind_name(StallKind::kWait) ? 1.0 : 0.0;
  };
  std::stable_sort(kept.begin(), kept.end(), [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  kept.resize(kMaxTableRows);
  std::sort(kept.begin(), kept.end());
  return kept;
}

Json table_of(const Part& part, const PartInput& input, NameTable& names) {
  Json rows;
  try {
    rows = part.rows(input);
  } catch (const Error&) {
    return nullptr;  // a part that this bundle does not hold
  }
  if (rows.empty()) return nullptr;
  Json table = {{"id", part.name}, {"total", rows.size()}, {"columns", Json::array()}, {"rows", Json::array()}};
  for (const Column& column : part.columns) table["columns"].push_back({{"title", column.header}, {"show", show_name(column.show)}});
  Json stacks = Json::array();
  bool any_stack = false;
  std::size_t text = 0;
  for (const std::size_t i : kept_rows(rows, part.name)) {
    Json cells = Json::array();
    for (const Column& column : part.columns) {
      const auto value = rows[i].find(column.key);
      cells.push_back(value == rows[i].end() ? Json(nullptr) : shown(*value));
    }
    text += text_size(cells);
    if (text > kMaxTableText) break;
    table["rows"].push_back(std::move(cells));
    stacks.push_back(stack_of(rows[i], names));
    any_stack = any_stack || !stacks.back().empty();
  }
  if (any_stack) table["stacks"] = std::move(stacks);
  return table;
}

}  // namespace

Json shown(const Json& value, std::size_t most) {
  if (value.is_string()) return cut(printable(value.get_ref<const std::string&>()), most);
  if (!value.is_structured()) return value;
  Json out = value.is_array() ? Json::array() : Json::object();
  if (value.is_array())
    for (const Json& one : value) out.push_back(shown(one, most));
  else
    for (const auto& [key, one] : value.items()) out[cut(printable(key), most)] = shown(one, most);
  return out;
}

Json table_data(const PartInput& input, NameTable& names) {
  Json tables = Json::array();
  for (const std::string_view name : kTables) {
    const auto part = std::find_if(all_parts().begin(), all_parts().end(), [&](const Part& p) { return name == p.name; });
    FDR_CHECK(part != all_parts().end());
    Json table = table_of(*part, input, names);
    if (!table.is_null()) tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace fdr
