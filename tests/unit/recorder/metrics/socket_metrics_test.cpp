#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "recorder/metrics/sockets.hpp"

using namespace fdr;

namespace {

// An answer as the kernel writes it: a message for each socket, each with its attributes.
class Answer {
 public:
  Answer& socket(std::uint8_t state, std::uint32_t inode, std::uint32_t unread = 0, std::uint32_t unsent = 0) {
    inet_diag_msg message{};
    message.idiag_family = AF_INET;
    message.idiag_state = state;
    message.idiag_inode = inode;
    message.idiag_rqueue = unread;
    message.idiag_wqueue = unsent;
    message.id.idiag_sport = htons(8080);
    message.id.idiag_src[0] = htonl(0x7f000001);
    message.id.idiag_dport = htons(28332);
    message.id.idiag_dst[0] = htonl(0x0a000002);
    begin_ = bytes_.size();
    put(nlmsghdr{.nlmsg_len = 0, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = 0, .nlmsg_seq = 1, .nlmsg_pid = 0});
    put(message);
    return sized();
  }
  Answer& memory(std::uint32_t rcvbuf, std::uint32_t drops) {
    std::uint32_t values[SK_MEMINFO_VARS] = {};
    values[SK_MEMINFO_RCVBUF] = rcvbuf;
    values[SK_MEMINFO_DROPS] = drops;
    return attribute(INET_DIAG_SKMEMINFO, values);
  }
  Answer& traffic(std::uint64_t received, std::uint64_t acknowledged) {
    tcp_info info{};
    info.tcpi_bytes_received = received;
    info.tcpi_bytes_acked = acknowledged;
    info.tcpi_segs_in = static_cast<std::uint32_t>(received / 10);
    info.tcpi_segs_out = static_cast<std::uint32_t>(acknowledged / 10);
    return attribute(INET_DIAG_INFO, info);
  }
  Answer& end(int error = 0) {
    begin_ = bytes_.size();
    put(nlmsghdr{.nlmsg_len = 0, .nlmsg_type = static_cast<std::uint16_t>(error ? NLMSG_ERROR : NLMSG_DONE), .nlmsg_flags = 0, .nlmsg_seq = 1, .nlmsg_pid = 0});
    put(nlmsgerr{.error = -error, .msg = {}});
    return sized();
  }
  std::vector<SocketRow> rows(bool tcp = true) const {
    std::vector<SocketRow> all;
    parse_diag_answer(bytes_, tcp, all);
    return all;
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  template <class T>
  void put(const T& value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  template <class T>
  Answer& attribute(std::uint16_t type, const T& value) {
    put(nlattr{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + sizeof value), .nla_type = type});
    put(value);
    return sized();
  }
  Answer& sized() {
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    const auto length = static_cast<std::uint32_t>(bytes_.size() - begin_);
    std::memcpy(bytes_.data() + begin_, &length, sizeof length);
    return *this;
  }
  std::vector<std::byte> bytes_;
  std::size_t begin_ = 0;
};

SocketSurvey survey_of(std::vector<SocketRow> rows, std::vector<HeldSocket> held) {
  SocketSurvey survey;
  survey.networks.push_back({4026531840, {std::move(rows), false, ""}});
  survey.held = std::move(held);
  return survey;
}

double gauge(const SocketSurvey& survey, std::string_view name, std::optional<std::uint32_t> target = {}) {
  const auto names = socket_gauge_names();
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return socket_gauges(survey, target)[i];
  FAIL("no gauge is named so");
  return 0;
}

}  // namespace

TEST_CASE("sockets: an answer of sock_diag holds addresses, queues, buffers and bytes") {
  const auto rows = Answer().socket(1, 77, 1101, 443).memory(4608, 12).traffic(90'000, 500).socket(10, 78, 3, 128).end().rows();
  REQUIRE(rows.size() == 2);
  CHECK(local_address(rows[0]) == "127.0.0.1:8080");
  CHECK(remote_address(rows[0]) == "10.0.0.2:28332");
  CHECK(std::string(socket_state(rows[0])) == "established");
  CHECK(rows[0].inode == 77);
  CHECK(rows[0].recv_q == 1101);
  CHECK(rows[0].send_q == 443);
  CHECK(rows[0].rcvbuf == 4608);
  CHECK(rows[0].drops == 12);
  CHECK(rows[0].rx_bytes == 90'000);
  CHECK(rows[0].tx_bytes == 500);
  CHECK(rows[0].rx_packets == 9000);
  CHECK(rows[0].tx_packets == 50);
  CHECK(std::string(socket_state(rows[1])) == "listen");
}

TEST_CASE("sockets: an answer ends by itself, by a refusal, or is damaged") {
  std::vector<SocketRow> rows;
  CHECK_FALSE(parse_diag_answer(Answer().socket(1, 7).bytes(), true, rows).done);
  CHECK(parse_diag_answer(Answer().socket(1, 7).end().bytes(), true, rows).done);
  CHECK(parse_diag_answer(Answer().end(ENOENT).bytes(), true, rows).error == ENOENT);
  const Answer whole = Answer().socket(1, 7).memory(1, 2).traffic(3, 4);
  for (std::size_t length = 0; length < whole.bytes().size(); ++length) {  // cut anywhere: fewer rows, nothing read beyond
    const std::vector<std::byte> cut(whole.bytes().begin(), whole.bytes().begin() + static_cast<std::ptrdiff_t>(length));
    rows.clear();
    parse_diag_answer(cut, true, rows);
    CHECK(rows.empty());
  }
}

TEST_CASE("sockets: counted for whom they are, once, by state and by what waits in them") {
  auto rows = Answer().socket(1, 10, 5).socket(1, 11, 0, 7).socket(8, 12).socket(10, 13, 2, 128).socket(1, 99).end().rows();
  const auto udp = Answer().socket(7, 14, 100).end().rows(false);
  rows.insert(rows.end(), udp.begin(), udp.end());
  // 20 is a unix socket: held, and in no list. 13 is listened on by two processes of one target, 99 is a stranger's.
  const SocketSurvey survey = survey_of(rows, {{10, 100, 0}, {11, 200, 1}, {12, 100, 0}, {13, 100, 0}, {13, 101, 0}, {14, 100, 0}, {20, 100, 0}});
  CHECK(gauge(survey, "sockets") == 6);
  CHECK(gauge(survey, "sockets", 0) == 5);
  CHECK(gauge(survey, "sockets", 1) == 1);
  CHECK(gauge(survey, "sockets.established") == 2);
  CHECK(gauge(survey, "sockets.established", 1) == 1);
  CHECK(gauge(survey, "sockets.close_wait", 0) == 1);
  CHECK(gauge(survey, "sockets.listen", 0) == 1);
  CHECK(gauge(survey, "sockets.udp", 0) == 1);
  CHECK(gauge(survey, "sockets.unread") == 2);  // connections that wait at a listening socket are no bytes
  CHECK(gauge(survey, "sockets.unsent") == 1);
}

TEST_CASE("sockets: what is not known whole is unknown, not zero") {
  SocketSurvey survey = survey_of(Answer().socket(1, 10).end().rows(), {{10, 100, 0}});
  survey.networks[0].listing.problem = "sock_diag, TCP: No such file or directory";
  CHECK(gauge(survey, "sockets") == 1);
  CHECK(std::isnan(gauge(survey, "sockets.established")));
  survey.complete = false;
  CHECK(std::isnan(gauge(survey, "sockets")));
}

TEST_CASE("sockets: drops and bytes add up over sockets that come and go") {
  SocketCounters counters;
  const auto look = [&](std::vector<SocketRow> rows) {
    std::vector<HeldSocket> held;
    for (const SocketRow& row : rows) held.push_back({row.inode, 100, 0});
    counters.add(survey_of(std::move(rows), std::move(held)), 1);
    return counters.sums().back();
  };
  CHECK(look(Answer().socket(1, 10).memory(0, 3).traffic(1000, 0).end().rows())[1] == 0);  // what was before is the base
  const auto grown = look(Answer().socket(1, 10).memory(0, 5).traffic(1500, 20).socket(1, 11).traffic(70, 0).end().rows());
  CHECK(grown[0] == 2);
  CHECK(grown[1] == 500 + 70);  // a new one counts from its beginning
  CHECK(grown[2] == 20);
  CHECK(grown[3] == 57);
  CHECK(grown[4] == 2);
  CHECK(look({})[1] == 570);  // all closed: a counter does not go back
  CHECK(look(Answer().socket(1, 10).traffic(40, 0).end().rows())[1] == 610);  // the inode was used again
  CHECK(counters.sums()[0][1] == 610);
}

TEST_CASE("sockets: next to a survey that was not whole nobody is new, and nobody is forgotten") {
  SocketCounters counters;
  const auto look = [&](std::vector<SocketRow> rows, bool complete = true) {
    std::vector<HeldSocket> held;
    for (const SocketRow& row : rows) held.push_back({row.inode, 100, 0});
    SocketSurvey survey = survey_of(std::move(rows), std::move(held));
    survey.complete = complete;
    counters.add(survey, 1);
    return counters.sums().back()[1];
  };
  look(Answer().socket(1, 10).traffic(1000, 0).socket(1, 11).traffic(9'000'000, 0).end().rows());
  CHECK(look(Answer().socket(1, 10).traffic(1100, 0).socket(1, 12).traffic(5'000'000, 0).end().rows(), false) == 100);
  CHECK(look(Answer().socket(1, 10).traffic(1100, 0).socket(1, 11).traffic(9'000'007, 0).socket(1, 12).traffic(5'000'001, 0).socket(1, 13).traffic(700, 0).end().rows()) == 108);
  CHECK(look(Answer().socket(1, 10).traffic(1100, 0).socket(1, 14).traffic(50, 0).end().rows()) == 158);
}

TEST_CASE("sockets: the text of a bundle has the targets' first, is bounded, and says what it lacks") {
  SocketSurvey survey = survey_of(Answer().socket(1, 50, 9000).socket(1, 51).socket(1, 52, 1101, 443).end().rows(), {{51, 7, 0}, {52, 7, 0}});
  const std::string text = socket_rows_text(survey);
  CHECK(text.substr(0, text.find('\n')).find(R"("recv_q":1101,"send_q":443)") != std::string::npos);
  CHECK(text.find(R"("pid":7)") < text.find(R"("pid":null)"));
  CHECK(text.find("left_out") == std::string::npos);
  survey.problems.emplace_back("no \"way\" in");
  const std::string cut = socket_rows_text(survey, 1);
  CHECK(std::count(cut.begin(), cut.end(), '\n') == 2);
  CHECK(cut.find(R"({"left_out":2,"problem":"no \"way\" in"})") != std::string::npos);
}
