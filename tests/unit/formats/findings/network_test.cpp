// Findings on the network: UDP drops, cut datagrams, TCP resent, listen queues, traffic.
#include <doctest/doctest.h>

#include "tests/unit/formats/findings/made_case.hpp"

using namespace fdr;
using namespace fdr::made_case;

namespace {

const char* kUdp =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n"
    "16187: 0100007F:A778 00000000:0000 07 00000000:00000400 00:00000000 00000000     0        0 9165185 2 00000000eeb5452b 9742    \n";

Case with_socket() {
  Case c;
  c.texts["system/at/net_udp"] = kUdp;
  c.texts["process/100/at/fds.txt"] = "0 /dev/null\n6 socket:[9165185]\n";
  return c;
}

}  // namespace

TEST_CASE("datagrams: the socket that drops, its port, who reads it") {
  Case c = with_socket();
  c.counter("host.net.udp.rcvbuf_errors", 0, 6000);
  c.calls(1, "recvfrom", kBegin, kEnd, 20, 100, 6);
  const Finding finding = c.judged(find_datagrams, "udp-drops");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.title, "127.0.0.1:42872"));
  CHECK(contains(finding.evidence, "worker 101"));
  CHECK(contains(finding.evidence, "9 742"));
  Case none = with_socket();  // drops of long ago are no drops of now
  none.counter("host.net.udp.rcvbuf_errors", 0, 0);
  CHECK(is_against(none.judged(find_datagrams, "udp-drops")));
  CHECK(is_open(Case().judged(find_datagrams, "udp-drops")));
}

TEST_CASE("cut reads: lengths pinned to the buffer; datagrams that vary below it, and such that were always as long, are not") {
  Case c = with_socket();
  c.calls(1, "recvfrom", kBegin, kOnset, 20, 120, 6);
  c.calls(1, "recvfrom", kOnset, kEnd, 100, 200, 6);
  c.calls(1, "recvfrom", kOnset, kEnd, 20, 512, 6);
  const Finding finding = c.judged(find_datagrams, "cut-reads");
  CAPTURE(finding.evidence);
  REQUIRE(is_for(finding));
  CHECK(contains(finding.evidence, "512"));
  Case varying = with_socket();
  for (int i = 0; i < 100; ++i) varying.calls(1, "recvfrom", kOnset, kEnd, 1, 100 + i, 6);
  CHECK(is_against(varying.judged(find_datagrams, "cut-reads")));
  Case always = with_socket();
  always.calls(1, "recvfrom", kBegin, kEnd, 50, 512, 6);
  always.calls(1, "recvfrom", kBegin, kEnd, 50, 100, 6);
  CHECK(is_against(always.judged(find_datagrams, "cut-reads")));
  Case stream;  // a descriptor that is no UDP socket
  stream.calls(1, "recvfrom", kOnset, kEnd, 100, 512, 9);
  CHECK(is_open(stream.judged(find_datagrams, "cut-reads")));
}

TEST_CASE("packet loss and listen queue: by the host's counters") {
  Case lossy, well;
  lossy.counter("host.net.tcp.retransmits", 1, 100);
  lossy.counter("host.net.tcp.listen_overflows", 0, 20);
  well.counter("host.net.tcp.retransmits", 1, 1);
  well.counter("host.net.tcp.listen_overflows", 0, 0);
  CHECK(is_for(lossy.judged(find_network, "packet-loss")));
  CHECK(is_for(lossy.judged(find_network, "listen-queue")));
  CHECK(is_against(well.judged(find_network, "packet-loss")));
  CHECK(is_against(well.judged(find_network, "listen-queue")));
  CHECK(is_open(Case().judged(find_network, "packet-loss")));
}

TEST_CASE("traffic: accepted connections, failures not counted") {
  Case more, same, none;
  more.sums("accept4", 10, 60);
  same.sums("accept4", 40, 40, 20);
  CHECK(is_for(more.judged(find_network, "traffic")));
  const Finding finding = same.judged(find_network, "traffic");
  CHECK(is_against(finding));
  CHECK(contains(finding.evidence, "20.0/s"));
  none.sums("read", 10, 10);
  CHECK(is_open(none.judged(find_network, "traffic")));
}
