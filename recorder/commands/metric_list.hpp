// fdr doctor --metrics: the catalogue of metrics, with what each is now and what reading it costs on this host.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace fdr {

// An array of {name, unit, kind, scope, base, source, read, every_s, cost_us, value, value_text, reason}: `read` says how often and at what
// price, every_s and cost_us the same as numbers (null: it is no reading of its own); value is null where `reason` says why. Takes a second.
nlohmann::json metric_rows();
std::string metric_list(const nlohmann::json& rows);

}  // namespace fdr
