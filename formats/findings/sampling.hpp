// How often the stacks were sampled, as the effective configuration of the manifest says. Pure.
#pragma once

#include <string>

namespace fdr {

// Samples a second of running on one CPU; 99 where the configuration, a stranger's text, does not say.
double sampling_frequency(const std::string& config);

}  // namespace fdr
