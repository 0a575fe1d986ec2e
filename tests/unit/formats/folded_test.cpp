#include "formats/export/folded.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "tests/unit/formats/incident.hpp"

using namespace fdr;

TEST_CASE("folded: process, outermost to innermost with inline frames, and the number of samples") {
  const auto made = incident::make();
  const View view(made.bundle.manifest, made.bundle.timeline, made.names);
  const std::string text = export_folded({made.bundle, made.names, view});
  CAPTURE(text);
  CHECK(incident::contains(text, "haproxy;main;run_poll_loop;raw_sock_from_buf;conn_send;tcp_sendmsg;_raw_spin_lock "));
  CHECK(incident::contains(text, "haproxy;main;run_poll_loop;libssl.so.3+0x1234 "));
  CHECK_FALSE(incident::contains(text, "curl"));  // no target
  std::istringstream in(text);
  std::uint64_t sum = 0;
  for (std::string line; std::getline(in, line);) sum += std::stoull(line.substr(line.rfind(' ')));
  CHECK(sum == 6435);  // as `fdr show stacks` sums up
}

TEST_CASE("folded: what would break a line is taken out of names") {
  Bundle bundle;
  Timeline& t = bundle.timeline;
  Process process;
  process.name = "a;b\nc";
  t.processes.push_back(process);
  t.threads.emplace_back();
  t.threads[0].process = 0;
  const auto module = t.stacks.intern_module({ModuleKind::kFile, "/x;y", ""});
  const std::uint32_t frames[] = {t.stacks.intern_frame(module, 0x10), t.stacks.intern_frame(module, 0x20)};
  t.samples.push_back({from_ns(1), 0, 0, false, t.stacks.intern_stack(frames), WalkEnd::kRoot});
  t.samples.push_back({from_ns(2), 7, 0, false, kNoStack, WalkEnd::kNotWalked});
  const FrameNames names = {{{"f;g", "", 0}}};
  const View view(bundle.manifest, t, names);
  CHECK(export_folded({bundle, names, view}) == "(not known) 1\na:b\\x0ac;f:g;x:y+0x20 1\n");
}
