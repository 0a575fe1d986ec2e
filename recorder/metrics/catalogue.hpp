// Every metric that this recorder measures, with unit, scope, base and source: the list that `fdr doctor --metrics`
// prints, the parser checks names against, and the sources fill. Built from the configuration alone, so `fdr check`
// needs no live host.
#pragma once

#include "recorder/config/config.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

MetricCatalogue build_catalogue(const Config& config);

}  // namespace fdr
