#include "recorder/config_file/config_reload.hpp"

#include <fmt/format.h>

#include <set>
#include <sstream>

#include "formats/error.hpp"
#include "recorder/config_file/config_file.hpp"

namespace fdr {
namespace {

// Each line of the effective configuration with the table it is in.
std::vector<std::string> lines_of(const Config& config) {
  std::vector<std::string> lines;
  std::istringstream text(config_toml(config));
  std::string line, table;
  while (std::getline(text, line)) {
    if (line.starts_with('[')) {
      const std::size_t begin = line.find_first_not_of('[');
      table = line.substr(begin, line.find(']') - begin) + ": ";
    } else if (!line.empty() && !line.starts_with('#')) {
      lines.push_back(table + line);
    }
  }
  return lines;
}

}  // namespace

std::vector<std::string> take_over(Config& running, const Config& next, Duration longest_after) {
  if (next.longest_after() > longest_after) {
    throw Error(fmt::format("an `after` of {} is longer than any that the recorder was started with ({}): there is no room for the metrics of it",
                            duration_literal(next.longest_after()), duration_literal(longest_after)),
                "start it anew, or choose a shorter one");
  }
  running.rules = next.rules;
  running.default_rules = next.default_rules;
  running.after = next.after;
  running.directory = next.directory;
  running.keep = next.keep;
  running.max_bytes = next.max_bytes;
  running.keep_free_percent = next.keep_free_percent;
  running.on_exit = next.on_exit;
  const std::vector<std::string> now = lines_of(running), wanted = lines_of(next);
  std::multiset<std::string> in_force(now.begin(), now.end());
  std::vector<std::string> left;
  for (const std::string& line : wanted) {
    const auto found = in_force.find(line);
    if (found == in_force.end()) {
      left.push_back(line);
    } else {
      in_force.erase(found);
    }
  }
  if (left.empty() && !in_force.empty()) left.push_back("without " + *in_force.begin());
  return left;
}

}  // namespace fdr
