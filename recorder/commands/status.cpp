// fdr status: who records, how far back each ring reaches, what was lost, what it costs, and each rule with its present value.
#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>

#include "formats/error.hpp"
#include "formats/pack/new_file.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"
#include "recorder/control/control.hpp"
#include "recorder/control/run_directory.hpp"
#include "recorder/control/status_prometheus.hpp"

namespace fdr {
namespace {

using nlohmann::json;

std::string text_of(const json& value) { return value.is_string() ? printable(value.get<std::string>()) : value.is_null() ? "unknown" : value.dump(); }
double number(const json& value) { return value.is_number() ? value.get<double>() : 0; }

std::string describe(const json& status) {
  const json& cost = status["cost"];
  std::string text = fmt::format("{}  pid {}  {}  window {:.0f} s  armed for {:.0f} s  {} processes, {} threads\n", text_of(status["name"]),
                                 number(status["pid"]), text_of(status["mode"]), number(status["window_s"]), number(status["armed_s"]),
                                 number(status.value("living", json(status["processes"].size()))), number(status["threads"]));
  text += fmt::format("  cost     {:.2f} % of one CPU, {} beside a window of {}; last tick {:.1f} ms late ({})\n", number(cost["cpu_percent"]),
                      bytes_text(number(cost["rss_bytes"])), bytes_text(number(cost["window_bytes"])), 1e3 * number(cost["lateness_s"]), text_of(cost.value("tick", json())));
  if (const auto budget = status.find("budget"); budget != status.end() && budget->is_object())
    text += fmt::format("  budget   {:g} % of one CPU; takes {:.1f} %, its programs {:.1f} % (estimated); {}{}{}\n", number((*budget)["max_cpu_percent"]), number((*budget)["own_percent"]),
                        number((*budget)["programs_percent"]), (*budget)["lowered"] == true ? "lowered: " : "full detail: ", printable(budget->value("detail", "")),
                        (*budget)["exhausted"] == true ? "; there is nothing more to lower" : "");
  text += fmt::format("  bundles  {} so far, in {}\n", number(status["bundles"]), text_of(status["directory"]));
  const json baselines = status.value("baselines", json::object());
  if (const json last = baselines.value("last", json()); last.is_string())
    text += fmt::format("  baseline {} cut, the last {}: {}, {:.0f} ms of CPU\n", number(baselines["cut"]), text_of(last), bytes_text(number(baselines["last_bytes"])), number(baselines["last_cpu_ms"]));
  text += "  ring        covers of asked     recorded    dropped     missed\n";
  for (const auto& [name, ring] : status["rings"].items())
    text += fmt::format("  {:<10} {:>6.1f} s of {:>4.0f} s {:>12} {:>10} {:>10}\n", printable(name), number(ring["obtained_s"]), number(ring["asked_s"]),
                        number(ring["recorded"]), number(ring["dropped"]), number(ring["missed"]));
  if (status.contains("heap"))
    text += fmt::format("  heap     {} processes, {} functions of their allocators are probed\n", number(status["heap"]["processes"]), number(status["heap"]["functions"]));
  if (status["rules"].empty()) text += "  rules    none: only `fdr dump` and --on-exit write a bundle\n";
  for (const json& rule : status["rules"])
    text += fmt::format("  rule     {}: {}  [{}, now {}, fired {}, suppressed {}]\n", text_of(rule["name"]), text_of(rule["when"]), text_of(rule["state"]),
                        text_of(rule["value_text"]).empty() ? "unknown" : text_of(rule["value_text"]), number(rule["fired"]), number(rule["suppressed"]));
  for (const json& log : status.value("logs", json::array())) {
    const std::string problem = text_of(log["problem"]), skipped = text_of(log["skipped"]);
    text += fmt::format("  log      {}: {}  [{} lines, {} of them count{}{}]\n", text_of(log["name"]), text_of(log["place"]), number(log["lines"]), number(log["counted"]),
                        skipped.empty() ? "" : "; " + skipped, problem.empty() ? "" : "; " + problem);
  }
  for (const json& metric : status.value("metrics", json::array()))
    text += fmt::format("  metric   {}: {}{}\n", text_of(metric["name"]), text_of(metric["value"]), text_of(metric["note"]).empty() ? "" : "  [" + text_of(metric["note"]) + "]");
  for (const json& notify : status.value("notify", json::array()))
    text += fmt::format("  notify   {}: told {} times, {} failed{}\n", text_of(notify["name"]), number(notify["told"]), number(notify["failed"]),
                        text_of(notify["problem"]).empty() ? "" : "; the last: " + text_of(notify["problem"]));
  if (const std::string reload = text_of(status["reload"]); !reload.empty()) text += "  reload   " + reload + "\n";
  for (const json& note : status["notes"]) text += "  note     " + text_of(note) + "\n";
  return text;
}

// Whole or not at all, and for a collector that is somebody else.
void write_page(const std::string& path, const std::string& page) {
  NewFile file(path, true);
  file.write(page);
  if (::fchmod(file.fd(), 0644)) throw system_error("open up " + path, errno);
  file.publish();
}

struct StatusOptions {
  bool json = false;
  std::string prometheus;
};

}  // namespace

void add_status(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = app.add_subcommand("status", R"(recorders, what they cover, lost and cost; rules with live values

Examples:
  fdr status
  fdr status --json | jq '.[].rules'
  fdr status --prometheus /var/lib/prometheus/node-exporter/fdr.prom     from cron, each minute)");
  command->add_flag("--json", options->json, "an array of recorders");
  command->add_option("--prometheus", options->prometheus, "write them to a file for node_exporter's textfile collector, and say nothing")->type_name("FILE");
  command->callback([options, &exit_code] {
    const KnownRecorders known = known_recorders();
    json all = json::array();
    std::string text;
    for (const std::string& name : known.alive) {
      try {
        const json status = json::parse(ask_recorder(name, "status", ""));
        all.push_back(status);
        text += describe(status);
      } catch (const Error& error) {
        all.push_back({{"name", name}, {"armed", false}, {"problem", error.what()}});  // it is starting, or ending
        text += fmt::format("{}  does not answer: {}{}\n", name, printable(error.what()), error.hint().empty() ? "" : "; " + printable(error.hint()));
      }
    }
    for (const std::string& name : dead_windows()) {
      const std::string remedy = "fdr recover " + name;
      all.push_back({{"name", name}, {"armed", false}, {"dead", true}, {"problem", "it has died; its window can be written"}, {"hint", remedy}});
      text += fmt::format("{}  has died; its window can be written: {}\n", name, remedy);
    }
    exit_code = 0;
    if (!options->prometheus.empty()) return write_page(options->prometheus, status_prometheus(all, FDR_VERSION));
    print(options->json ? all.dump(2) + "\n" : text.empty() ? "no recorder is running\n" : text);
  });
}

}  // namespace fdr
