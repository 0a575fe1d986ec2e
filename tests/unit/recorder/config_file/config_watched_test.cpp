#include <doctest/doctest.h>

#include "recorder/config_file/config_file.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "tests/unit/recorder/config_file/config_fixture.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

std::string log(const std::string& keys) { return "[[log]]\nname = \"x\"\n" + keys; }
std::string metric(const std::string& keys) { return "[[metric]]\nname = \"x\"\n" + keys; }

constexpr const char* kAll = R"(
[[log]]
name = "errors"
file = "/var/log/app.log"
pattern = 'Error|"WARN"'
[[log]]
name = "kernel"
from = "kmsg"
[[log]]
name = "unit"
unit = "app@1.service"
[[metric]]
name = "collections"
command = ["sh", "-c", "curl x"]
every = "1s"
[[metric]]
name = "failures"
url = "http://127.0.0.1:9100/metrics"
series = 'requests_total{code="500"}'
kind = "counter"
timeout = "2s"
[[metric]]
name = "held"
file = "/sys/x"
pattern = 'held ([0-9]+)'
unit = "bytes"
[[metric]]
name = "depth"
log = "errors"
pattern = 'depth ([0-9.]+)'
[[notify]]
command = ["logger", "-t", "fdr"]
[[trigger]]
name = "all"
when = "rate(log.errors) > 5/s or collections > 3 or rate(failures) > 1 or held > 1MB or depth > 2"
)";

}  // namespace

TEST_CASE("config: logs, metrics and notifications, and rules over them") {
  const Config config = parse_config(kAll, "fdr.toml");
  REQUIRE(config.logs.size() == 3);
  CHECK(config.logs[0].pattern == "Error|\"WARN\"");
  CHECK(config.logs[1].from == LogSource::kKernel);
  CHECK(config.logs[2].from == LogSource::kJournal);
  REQUIRE(config.metrics.size() == 4);
  CHECK(config.metrics[0].every == 1s);
  CHECK(config.metrics[0].timeout == 1s);  // no longer than `every`, where nothing is said
  CHECK(config.metrics[1].every == 10s);
  CHECK(config.metrics[1].timeout == 2s);
  CHECK(config.metrics[1].kind == MetricKind::kCounter);
  CHECK(config.metrics[2].unit == Unit::kBytes);
  REQUIRE(config.notifiers.size() == 1);
  CHECK(config.notifiers[0].name == "notify");
  CHECK(config.notifiers[0].timeout == 10s);
  const MetricCatalogue catalogue = build_catalogue(config);
  CHECK(catalogue.info(*catalogue.find("log.errors")).kind == MetricKind::kCounter);
  CHECK(catalogue.info(*catalogue.find("collections")).kind == MetricKind::kGauge);
}

TEST_CASE("config: what is in force is written so that it is read back to the same") {
  const std::string written = config_toml(parse_config(kAll, "fdr.toml"));
  CHECK(config_toml(parse_config(written, "again.toml")) == written);
  CHECK(says(written, "pattern = \"Error|\\\"WARN\\\"\""));
}

TEST_CASE("config: errors of logs, with their place") {
  CHECK(refusal("[[log]]\nname = \"x\"\n").what == "fdr.toml:1:1: [[log]] needs 'file' or 'unit' or 'from'");
  CHECK(refusal(log("file = \"/x\"\npattern = 'ab[z-a]'\n")).what == "fdr.toml:4:15: in the pattern: invalid character class range: z-a");
  CHECK(says(refusal(log("file = \"x\"\n")).what, "fdr.toml:3:8: 'file' must be an absolute path"));
  CHECK(says(refusal(log("file = \"/x\"\nunit = \"y.service\"\n")).what, "fdr.toml:4:8: a log has a 'file' or a 'unit', not both"));
  CHECK(says(refusal(log("unit = \"-x\"\n")).what, "not a unit's name"));
  CHECK(says(refusal(log("from = \"syslog\"\n")).what, "'from' cannot be 'syslog'"));
  CHECK(says(refusal(log("from = \"stderr\"\n")).what, "not in this version"));
  CHECK(says(refusal(log("file = \"/x\"\npattern = ''\n")).what, "says nothing"));
  CHECK(says(refusal(log("file = \"/x\"\n") + log("file = \"/y\"\n")).what, "two logs are named 'x'"));
  CHECK(refusal(log("file = \"/x\"\npatern = 'a'\n")).hint == "did you mean pattern");
}

TEST_CASE("config: errors of metrics, with their place") {
  CHECK(says(refusal(metric("")).what, "[[metric]] needs 'command' or 'url' or 'file' or 'log'"));
  CHECK(refusal(metric("url = \"http://127.0.0.1/\"\nseries = 'x{a=b}'\n")).what == "fdr.toml:4:15: in the series: a '\"' is missing");
  CHECK(refusal(metric("file = \"/x\"\npattern = '([0-9]+) ([0-9]+)'\n")).what == "fdr.toml:4:11: 'pattern' has 2 groups; the one group in it is the number");
  CHECK(says(refusal(metric("file = \"/x\"\npattern = '[0-9]+'\n")).what, "has 0 groups"));
  CHECK(says(refusal(metric("url = \"https://example.org/\"\n")).what, "fdr.toml:3:7: 'https://example.org/' is not an address that is asked"));
  CHECK(says(refusal(metric("file = \"/x\"\nevery = \"100ms\"\n")).what, "'every' must be between 1s and 1h"));
  CHECK(says(refusal(metric("file = \"/x\"\nseries = 'y'\n")).what, "belongs to metrics from a url"));
  CHECK(says(refusal(metric("file = \"/x\"\ntimeout = \"1s\"\n")).what, "belongs to metrics from a command or a url"));
  CHECK(says(refusal(metric("command = [\"x\"]\nfile = \"/x\"\n")).what, "not both"));
  CHECK(says(refusal(metric("log = \"y\"\npattern = '([0-9])'\n")).what, "there is no [[log]] named 'y'"));
  CHECK(says(refusal(metric("log = \"y\"\n")).what, "needs 'pattern'"));
  CHECK(says(refusal(metric("file = \"/x\"\nkind = \"rate\"\n")).what, "'kind' cannot be 'rate'"));
  for (const char* name : {"and", "rate", "7up", "SIGTERM"}) {
    CAPTURE(name);
    CHECK(says(refusal("[[metric]]\nname = \"" + std::string(name) + "\"\nfile = \"/x\"\n").what, "fdr.toml:2:8: '" + std::string(name) + "' cannot be used in a rule"));
  }
  CHECK(says(refusal("[[metric]]\nname = \"host.cpu.busy\"\nfile = \"/x\"\n").what, "there is a metric 'host.cpu.busy' already"));
  CHECK(says(refusal(metric("file = \"/x\"\n") + metric("file = \"/y\"\n")).what, "there is a metric 'x' already"));
}

TEST_CASE("config: errors of notifications") {
  CHECK(says(refusal("[[notify]]\nname = \"x\"\n").what, "[[notify]] needs 'command'"));
  CHECK(says(refusal("[[notify]]\ncommand = [\"x\"]\ntimeout = \"1h\"\n").what, "'timeout' must be between 100ms and 5m"));
  CHECK(says(refusal("[[notify]]\ncommand = [\"x\"]\n[[notify]]\ncommand = [\"y\"]\n").what, "two [[notify]] are named 'notify'"));
}
