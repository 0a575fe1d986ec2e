// How often the stacks were sampled, as the manifest says: the one place that asks it. Pure.
#pragma once

#include "formats/manifest.hpp"

namespace fdr {

// Samples a second of running on one CPU, 1..10000. Of a bundle from before `stacks.sampled_hz` what its configuration says; 99 where neither,
// a stranger's both, says anything that can be.
double sampling_frequency(const Manifest& manifest);

}  // namespace fdr
