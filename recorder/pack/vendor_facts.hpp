// Facts that a vendor asks for anyway, gathered when a bundle is packed: out of the bundle where it has them, else of this host, and of
// this host only where it is the one that was recorded. Each is {"value": ...} or {"reason": why there is none}. Names of files, never
// their contents. Blocks for some tenths of a second.
#pragma once

#include "formats/bundle_reader.hpp"
#include "formats/json_text.hpp"

namespace fdr {

Json vendor_facts(const Bundle& bundle);

}  // namespace fdr
