// misbehave: a price server in miniature that is well for some seconds and then is not. Something to record.
//
// One thread ("requests") answers requests and sends a heartbeat between them, one ("journal") stores what was
// answered. At the incident the server loses its index of offers: every request now rebuilds it, which fails to find a
// cache file, so nothing is kept and the next request does the same again. Seen from outside:
//   - one thread at 100 % of a CPU, in serve -> answer -> find_offer -> rebuild_index -> rank_offers, most of it in two
//     helpers that the compiler has inlined;
//   - thousands of stat() calls on names that do not exist, from locate_cache();
//   - writes and fdatasync() of a journal grown a hundredfold, from flush_journal();
//   - no heartbeat: the thread that sends it is the one that is busy.
// It ends by itself after --healthy plus --incident seconds. Its requests come from a timer, nothing listens on the
// network.

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kOffers = 1'600'000;
constexpr milliseconds kRequestEvery{10};
constexpr milliseconds kBeatEvery{200};
constexpr int kBeatPort = 9;  // "discard": nobody has to listen
constexpr milliseconds kFlushEvery{500};
constexpr std::size_t kHealthyFlush = 256 << 10;
constexpr std::size_t kIncidentFlush = 32 << 20;

struct Options {
  seconds healthy{8};
  seconds incident{6};
  std::string directory = "/tmp";
};

struct Offer {
  std::uint32_t product;
  std::uint32_t price;
};

// What the threads share: when to stop, and whether the index is lost.
struct Phase {
  std::atomic<bool> index_lost{false};
  std::atomic<bool> stop{false};
};

[[noreturn]] static void die(const char* what) {
  std::fprintf(stderr, "misbehave: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

// --- the price index
// ---------------------------------------------------------------------------------------------------------

static inline std::uint32_t mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ (x >> 16);
}

static inline std::uint32_t score(const Offer& offer, std::uint32_t product) {
  std::uint32_t total = 0;
  for (std::uint32_t round = 0; round < 8; ++round) total += mix(offer.product ^ product ^ round) % (offer.price + 1);
  return total;
}

[[gnu::noinline]] static std::size_t rank_offers(const std::vector<Offer>& offers, std::uint32_t product) {
  std::size_t best = 0;
  std::uint32_t best_score = 0;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    const std::uint32_t s = score(offers[i], product);
    if (s > best_score) best_score = s, best = i;
  }
  return best;
}

// Where could the saved index be? Nowhere: none of these names exists.
[[gnu::noinline]] static bool locate_cache(const std::string& directory, std::uint32_t product) {
  bool found = false;
  for (int shard = 0; shard < 64; ++shard) {
    const std::string name =
        directory + "/price-index/" + std::to_string(product) + "." + std::to_string(shard) + ".cache";
    struct stat info;
    found |= ::stat(name.c_str(), &info) == 0;
  }
  return found;
}

[[gnu::noinline]] static std::size_t rebuild_index(const std::vector<Offer>& offers, const std::string& directory,
                                                   std::uint32_t product) {
  if (locate_cache(directory, product)) return 0;
  const std::size_t best = rank_offers(offers, product);
  return best + 1;  // not in tail position: callers stay on the stack
}

[[gnu::noinline]] static std::uint32_t find_offer(const std::vector<Offer>& offers, const Phase& phase,
                                                  const std::string& directory, std::uint32_t product) {
  std::size_t index = product % offers.size();
  if (phase.index_lost) index = rebuild_index(offers, directory, product) % offers.size();
  return offers[index].price;
}

[[gnu::noinline]] static std::uint64_t answer(const std::vector<Offer>& offers, const Phase& phase,
                                              const std::string& directory, std::uint32_t request) {
  const std::uint64_t price = find_offer(offers, phase, directory, mix(request));
  return price + request % 7;  // tax, say
}

// --- threads
// -----------------------------------------------------------------------------------------------------------------

class Heartbeat {
 public:
  Heartbeat() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (socket_ < 0) die("socket");
    to_.sin_family = AF_INET;
    to_.sin_port = htons(kBeatPort);
    to_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  ~Heartbeat() { ::close(socket_); }
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  // Nobody listening is no error: a heartbeat is for whoever cares.
  [[gnu::noinline]] void send_if_due(Clock::time_point now) {
    if (now < next_) return;
    next_ = now + kBeatEvery;
    static constexpr char kText[] = "alive";
    (void)::sendto(socket_, kText, sizeof kText - 1, 0, reinterpret_cast<const sockaddr*>(&to_), sizeof to_);
  }

 private:
  int socket_;
  sockaddr_in to_{};
  Clock::time_point next_{};
};

// Requests arrive by a timer. A server that is late finds as many waiting as the timer has expired, and takes them all
// before it looks at anything else; that is why it has no time for its heartbeat.
[[gnu::noinline]] static std::uint64_t serve(const Phase& phase, const std::string& directory) {
  std::vector<Offer> offers(kOffers);
  for (std::uint32_t i = 0; i < kOffers; ++i) offers[i] = {mix(i), mix(~i) % 10'000};

  const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  if (timer < 0) die("timerfd_create");
  const timespec every{0, std::chrono::nanoseconds(kRequestEvery).count()};
  const itimerspec schedule{every, every};
  if (::timerfd_settime(timer, 0, &schedule, nullptr) != 0) die("timerfd_settime");

  Heartbeat heartbeat;
  std::uint64_t waiting = 0, turnover = 0;
  std::uint32_t request = 0;
  while (!phase.stop) {
    if (waiting == 0) {
      heartbeat.send_if_due(Clock::now());
      pollfd ready{timer, POLLIN, 0};
      (void)::poll(&ready, 1, 100);
    }
    // A timer that has not expired since would block; one request in hand is enough not to ask.
    pollfd ready{timer, POLLIN, 0};
    std::uint64_t expired = 0;
    if (::poll(&ready, 1, 0) == 1 && ::read(timer, &expired, sizeof expired) == sizeof expired) waiting += expired;
    if (waiting == 0) continue;
    --waiting;
    turnover += answer(offers, phase, directory, request++);
  }
  ::close(timer);
  return turnover;
}

[[gnu::noinline]] static void flush_journal(int file, const std::vector<char>& entries) {
  if (::pwrite(file, entries.data(), entries.size(), 0) < 0) die("pwrite");
  if (::fdatasync(file) != 0) die("fdatasync");
}

static void keep_journal(const Phase& phase, const std::string& directory) {
  // Without a name from the start, so that nothing is left behind however this ends.
  std::string name = directory + "/misbehave-journal-XXXXXX";
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) die(name.c_str());
  ::unlink(name.c_str());

  std::vector<char> entries;
  auto next = Clock::now();
  while (!phase.stop) {
    entries.resize(phase.index_lost ? kIncidentFlush : kHealthyFlush, 'x');
    flush_journal(file, entries);
    next += kFlushEvery;
    std::this_thread::sleep_until(next);
  }
  ::close(file);
}

// --- main
// --------------------------------------------------------------------------------------------------------------------

[[noreturn]] static void usage() {
  std::fputs("usage: misbehave [--healthy SECONDS] [--incident SECONDS] [--directory DIR]\n", stderr);
  std::exit(2);
}

static seconds parse_seconds(const char* text) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (end == text || *end != '\0' || value < 0 || value > 3600) usage();
  return seconds(value);
}

static Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 >= argc) usage();
    if (flag == "--healthy") {
      options.healthy = parse_seconds(argv[i + 1]);
    } else if (flag == "--incident") {
      options.incident = parse_seconds(argv[i + 1]);
    } else if (flag == "--directory") {
      options.directory = argv[i + 1];
    } else {
      usage();
    }
  }
  return options;
}

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Phase phase;

  std::uint64_t turnover = 0;
  std::thread requests([&] { turnover = serve(phase, options.directory); });
  std::thread journal([&] { keep_journal(phase, options.directory); });
  ::pthread_setname_np(requests.native_handle(), "requests");
  ::pthread_setname_np(journal.native_handle(), "journal");

  std::fprintf(stderr, "misbehave: healthy for %lld s\n", static_cast<long long>(options.healthy.count()));
  std::this_thread::sleep_for(options.healthy);
  std::fprintf(stderr, "misbehave: the index is lost, for %lld s\n", static_cast<long long>(options.incident.count()));
  phase.index_lost = true;
  std::this_thread::sleep_for(options.incident);
  phase.stop = true;

  requests.join();
  journal.join();
  std::printf("turnover %llu\n", static_cast<unsigned long long>(turnover));
}
