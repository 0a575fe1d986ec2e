// `fdr show BUNDLE memory-ledger`: a row for each second, and one for all of them.
#include <fmt/format.h>

#include "formats/figures/memory_ledger.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

Json movers_json(const std::vector<Mover>& movers) {
  Json list = Json::array();
  for (const Mover& mover : movers) list.push_back({{"name", mover.name}, {"bytes", mover.bytes}});
  return list;
}

std::string movers_text(const LedgerRow& row) {
  std::string text;
  for (const auto* movers : {&row.slabs, &row.movers})
    if (!movers->empty())
      text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", movers->front().name, movers->front().bytes > 0 ? "+" : "",
                          bytes_text(movers->front().bytes));
  return text;
}

Json row_json(const View& view, const LedgerRow& row, bool all, const MemoryLedger& ledger) {
  Json json = {{"at_s", view.at(row.begin)}, {"time", view.utc(row.begin)}, {"seconds", row.seconds}, {"all", all}, {"free", row.free}};
  for (std::size_t i = 0; i < row.growth.size(); ++i)
    json[ledger_accounts()[i].key] = row.growth[i] ? Json(*row.growth[i]) : Json(nullptr);
  json["remainder"] = row.remainder;
  json["sockets"] = row.sockets ? Json(*row.sockets) : Json(nullptr);
  json["slab_caches"] = movers_json(row.slabs);
  json["movers"] = movers_json(row.movers);
  json["moved_most"] = movers_text(row);
  json["span"] = all ? fmt::format("all {:.0f} s", row.seconds) : relative_text(view.at(row.begin));
  if (!all) return json;
  json["missing"] = ledger.missing;
  std::string missing;
  for (const std::string& account : ledger.missing) missing += (missing.empty() ? "not recorded: " : ", ") + account;
  if (!missing.empty()) json["moved_most"] = missing;
  return json;
}

}  // namespace

Json memory_ledger_rows(const PartInput& in) {
  const MemoryLedger ledger = memory_ledger(in.view);
  Json rows = Json::array();
  for (const LedgerRow& row : ledger.rows) rows.push_back(row_json(in.view, row, false, ledger));
  if (!ledger.rows.empty()) rows.push_back(row_json(in.view, ledger.all, true, ledger));
  return rows;
}

}  // namespace fdr
