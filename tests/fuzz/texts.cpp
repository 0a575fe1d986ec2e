// Text that others wrote: names in symbol tables, /proc, conditions, configurations.
#include <algorithm>
#include <string>
#include <vector>

#include "recorder/config/config.hpp"
#include "recorder/config_file/config_file.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "tests/fuzz/targets.hpp"
#include "triggers/expression.hpp"
#include "unwind/address_space.hpp"
#include "unwind/demangle.hpp"
#include "unwind/perf_map.hpp"

namespace fdr::fuzz {

void names(Bytes bytes) {
  const std::string text(text_of(bytes));
  FDR_PROMISE(text.empty() || !demangle(text).empty());
  AddressSpace space;
  for (Mapping& mapping : parse_maps(text)) {
    FDR_PROMISE(mapping.start < mapping.end);
    space.add(std::move(mapping));
  }
  std::uint64_t end = 0;
  for (const AddressSpace::Stretch& stretch : space.stretches({})) {
    FDR_PROMISE(stretch.start >= end && stretch.start < stretch.end);
    end = stretch.end;
  }
}

// In whatever parts the file comes, it says the same.
void perf_map(Bytes bytes) {
  const std::vector<std::uint64_t> addresses = {0, 0x10, 0x1000, 0x1004, 0x2000, 0x7f0000001000, UINT64_MAX};
  PerfMapNames whole(addresses), parts(addresses);
  whole.feed(text_of(bytes));
  whole.finish();
  for (std::string_view rest = text_of(bytes); !rest.empty();) {
    const std::size_t length = std::min<std::size_t>(rest.size(), 7);
    parts.feed(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  parts.finish();
  for (const std::uint64_t address : addresses) {
    FDR_PROMISE(whole.name(address) == parts.name(address));
    FDR_PROMISE(whole.name(address).size() <= PerfMapNames::kMaxName);
    readable_jit_name(whole.name(address));
  }
  readable_jit_name(text_of(bytes));
}

void expression(Bytes bytes) {
  static const MetricCatalogue catalogue = build_catalogue({});
  try {
    const Expression parsed = Expression::parse(text_of(bytes), catalogue);
    FDR_PROMISE(!parsed.sentence(catalogue).empty());
    FDR_PROMISE(!parsed.metrics().empty());
    // Before the first tick nothing is known; after it, whatever it says, there is an answer.
    MetricHistory history(catalogue.size(), 4);
    FDR_PROMISE(parsed.evaluate(history, Timestamp{}).holds != true);
    for (int tick = 1; tick < 4; ++tick) {
      history.push(Timestamp{std::chrono::seconds(tick)}, std::vector<double>(catalogue.size(), 1e3 * tick));
      parsed.evaluate(history, Timestamp{std::chrono::seconds(tick)});
    }
  } catch (const ExpressionError& error) {
    FDR_PROMISE(error.column() >= 1 && error.column() <= bytes.size() + 1);
  }
}

// What was accepted is accepted again as it is printed, and prints the same.
void config(Bytes bytes) {
  try {
    const Config parsed = with_implied_targets(parse_config(std::string(text_of(bytes)), "fuzz.toml"));
    check_config(parsed);
    const std::string printed = config_toml(parsed);
    FDR_PROMISE(config_toml(parse_config(printed, "printed.toml")) == printed);
  } catch (const Error& error) {
    FDR_PROMISE(*error.what() != '\0');
  }
}

}  // namespace fdr::fuzz
