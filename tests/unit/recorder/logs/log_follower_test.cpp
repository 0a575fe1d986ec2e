// Real files in a directory of their own; the sources are asked directly, so nothing waits for a thread.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "formats/json_text.hpp"
#include "recorder/logs/command_lines.hpp"
#include "recorder/logs/file_lines.hpp"
#include "recorder/logs/kernel_lines.hpp"
#include "recorder/logs/log_file.hpp"
#include "tests/unit/recorder/test_directory.hpp"

using namespace fdr;
using fdr::test::TestDirectory;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;

Lines look(LineSource& source, Timestamp now = Timestamp{1s}) {
  Lines lines;
  source.read(now, [&](std::string_view line, std::size_t) { lines.emplace_back(line); });
  return lines;
}

LogLine line(std::uint64_t number, Timestamp time, const std::string& text) { return {time, number, std::make_shared<const std::string>(text)}; }

LogCopy copy_of(std::vector<LogLine> lines, Timestamp since = {}) {
  LogCopy copy;
  copy.name = "app";
  copy.place = "/var/log/app.log";
  copy.lines = std::move(lines);
  copy.since = since;
  return copy;
}

}  // namespace

TEST_CASE("a followed file: what is there already is not told, what comes is, a line when it is whole") {
  const TestDirectory directory;
  directory.append("log", "old\n");
  FileLines file(directory.path("log"));
  CHECK(look(file).empty());
  directory.append("log", "one\r\n\ntwo\nthr");
  CHECK(look(file) == Lines{"one", "two"});
  directory.append("log", "ee\n");
  CHECK(look(file) == Lines{"three"});
  CHECK(file.problem().empty());
}

TEST_CASE("a followed file: rotated by its name, the old one is read on for a while") {
  const TestDirectory directory;
  directory.append("log", "");
  FileLines file(directory.path("log"));
  directory.append("log", "1\n");
  REQUIRE(::rename(directory.path("log").c_str(), directory.path("log.1").c_str()) == 0);
  CHECK(look(file) == Lines{"1"});  // the name is gone, the file is not
  directory.append("log.1", "2\n");
  directory.append("log", "new 1\n");
  CHECK(look(file) == Lines{"2", "new 1"});
  directory.append("log.1", "3\n");  // by a program that was not told yet
  directory.append("log", "new 2\n");
  CHECK(look(file) == Lines{"3", "new 2"});
  directory.append("log.1", "the end");
  CHECK(look(file, Timestamp{20s}) == Lines{"the end"});
  directory.append("log.1", " of it\n");
  CHECK(look(file, Timestamp{21s}).empty());
}

TEST_CASE("a followed file: truncated in place it is read from its beginning, holes in front of a line are not a line") {
  const TestDirectory directory;
  directory.append("log", "a long line that was there\n");
  FileLines file(directory.path("log"));
  REQUIRE(::truncate(directory.path("log").c_str(), 0) == 0);
  directory.append("log", "short\n");
  CHECK(look(file) == Lines{"short"});
  directory.append("log", std::string(500, '\0') + "behind a hole\n");
  CHECK(look(file) == Lines{"behind a hole"});
}

TEST_CASE("a followed file: one that comes later is read whole; links and directories are refused, with the reason") {
  const TestDirectory directory;
  FileLines later(directory.path("later"));
  CHECK(later.problem() == "No such file or directory");
  directory.append("later", "first\n");
  CHECK(look(later) == Lines{"first"});
  CHECK(later.problem().empty());
  REQUIRE(::symlink(directory.path("later").c_str(), directory.path("link").c_str()) == 0);
  CHECK(FileLines(directory.path("link")).problem() == "a link, which is not followed");
  REQUIRE(::mkdir(directory.path("folder").c_str(), 0700) == 0);
  CHECK(FileLines(directory.path("folder")).problem() == "no regular file");
}

TEST_CASE("a followed file: what is far behind is skipped, from a whole line on, and told") {
  const TestDirectory directory;
  directory.append("log", "");
  FileLines file(directory.path("log"));
  std::string flood;
  for (int i = 0; i < 40'000; ++i) flood += "this line has forty bytes, number " + std::to_string(100'000 + i) + "\n";
  directory.append("log", flood);
  const Lines lines = look(file);
  REQUIRE(!lines.empty());
  CHECK(lines.size() < 8000);
  CHECK(lines.front().size() == lines.back().size());
  CHECK(lines.back() == "this line has forty bytes, number 139999");
  CHECK(file.skipped().find("were skipped") != std::string::npos);
}

TEST_CASE("lines: cut at 4 KB with what is missing, whatever the pieces") {
  LineSplitter splitter;
  std::vector<std::pair<std::size_t, std::size_t>> told;
  const auto take = [&](std::string_view text, std::size_t left_out) { told.emplace_back(text.size(), left_out); };
  for (int i = 0; i < 10; ++i) splitter.add(std::string(1000, 'x'), take);
  CHECK(told.empty());
  splitter.add("\nnext\n", take);
  CHECK(told == std::vector<std::pair<std::size_t, std::size_t>>{{4096, 10'000 - 4096}, {4, 0}});
}

TEST_CASE("the kernel's records: the text behind the header, nothing where there is none") {
  CHECK(kernel_text("6,1234,5678901,-;usb 1-1: new device\n SUBSYSTEM=usb\n DEVICE=c1\n") == "usb 1-1: new device");
  CHECK(kernel_text("4,1,2,-;a\\x0ab") == "a\\x0ab");
  CHECK(kernel_text("no header").has_value() == false);
  CHECK(kernel_text("").has_value() == false);
}

TEST_CASE("lines of a program: what it says, how it ended, what it needs") {
  CommandLines program({"sh", "-c", "echo one; echo two; echo why >&2; exit 3"});
  Lines lines;
  Timestamp now{1s};
  for (int i = 0; i < 4000 && program.problem().find("ended") == std::string::npos; ++i) {
    for (const std::string& text : look(program, now)) lines.push_back(text);
    ::usleep(5000);
  }
  CHECK(lines == Lines{"one", "two"});
  CHECK(program.problem() == "sh ended with exit code 3: why");
  CHECK(look(program, now + 1s).empty());  // not again at once
  CommandLines absent({"no-such-program"});
  look(absent);
  CHECK(absent.problem().find("no-such-program") != std::string::npos);
  CommandLines needing({"sh", "-c", "echo never"}, "/no/such/socket");
  CHECK(look(needing).empty());
  CHECK(needing.problem() == "/no/such/socket is not there: what writes it does not run");
}

TEST_CASE("kept lines: the oldest go, and since when all are there is known") {
  KeptLines kept(1000);
  for (int i = 1; i <= 100; ++i) kept.add(Timestamp{i * 1s}, std::string(100, 'x'));
  const std::vector<LogLine> lines = kept.from({});
  CHECK(lines.size() == 5);
  CHECK(lines.front().number == 96);
  CHECK(kept.since() == Timestamp{95s});
  CHECK(kept.bytes() <= 1000);
  CHECK(kept.added() == 100);
}

TEST_CASE("logs.ndjson: the copy of the firing and that of the end are one, in the order of time") {
  const Timestamp begin{10s};
  const LogFile file = make_log_file({copy_of({line(3, Timestamp{12s}, "a"), line(4, Timestamp{13s}, "b\xff")})},
                                     {copy_of({line(4, Timestamp{13s}, "b\xff"), line(5, Timestamp{14s}, "c")}, Timestamp{12s})}, begin, {0, 0, 0});
  std::vector<nlohmann::json> rows;
  std::string_view rest = file.text;
  while (!rest.empty()) {
    rows.push_back(nlohmann::json::parse(rest.substr(0, rest.find('\n'))));
    rest.remove_prefix(rest.find('\n') + 1);
  }
  REQUIRE(rows.size() == 4);
  CHECK(rows[0]["log"] == "app");
  CHECK(rows[0]["since_ns"] == 10'000'000'000);  // nothing is missing between the two
  CHECK(rows[1]["text"] == "a");
  CHECK(rows[3]["text"] == "c");
  CHECK(rows[3]["monotonic_ns"] == 14'000'000'000);
  CHECK(file.losses.empty());
}

TEST_CASE("logs.ndjson: what a flood pushed out, what was cut and what cannot be read is a loss") {
  LogCopy end = copy_of({line(900, Timestamp{14s}, "c")}, Timestamp{13s});
  end.cut = 2;
  end.problem = "No such file or directory";
  const LogFile file = make_log_file({copy_of({line(3, Timestamp{12s}, "a")})}, {end}, Timestamp{10s}, {0, 0, 0});
  REQUIRE(file.losses.size() == 3);
  CHECK(file.losses[0] == "log app (/var/log/app.log): No such file or directory");
  CHECK(file.losses[1] == "log app (/var/log/app.log): 2 lines were cut at 4 KB");
  CHECK(file.losses[2].find("3.00 s of the window are missing or not whole") != std::string::npos);
  CHECK(make_log_file({}, {}, {}, {0, 0, 0}).text.empty());
}

TEST_CASE("what logs may take of the memory") {
  CHECK(log_bytes(0, 64u << 20) == 0);
  CHECK(log_bytes(1, 64u << 20) == 1u << 20);
  CHECK(log_bytes(10, 64u << 20) == 4u << 20);
  CHECK(log_bytes(100, 1u << 30) == 8u << 20);
}
