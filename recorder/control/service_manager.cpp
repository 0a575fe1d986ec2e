#include "recorder/control/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "recorder/system/proc_text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostDescriptors = 253;  // SCM_MAX_FD

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::optional<Duration> watchdog_of_environment() {
  const std::string watched = from_environment("WATCHDOG_PID");
  if (!watched.empty() && watched != std::to_string(::getpid())) return std::nullopt;
  const auto usec = parse_number<std::int64_t>(from_environment("WATCHDOG_USEC"));
  if (!usec || *usec <= 0) return std::nullopt;
  return Duration(std::chrono::microseconds(std::min<std::int64_t>(*usec, std::int64_t{1} << 50)));
}

}  // namespace

ServiceManager::ServiceManager() : ServiceManager(from_environment("NOTIFY_SOCKET"), watchdog_of_environment()) {}

ServiceManager::ServiceManager(std::string address, std::optional<Duration> watchdog) : address_(std::move(address)), watchdog_(watchdog) {
  const bool usable = (address_.starts_with('/') || address_.starts_with('@')) && address_.size() > 1 && address_.size() < sizeof(sockaddr_un::sun_path);
  if (usable) socket_ = FileDescriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

bool ServiceManager::tell(const std::string& lines, std::span<const int> descriptors) {
  if (!present() || descriptors.size() > kMostDescriptors) return false;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
  iovec part{const_cast<char*>(lines.data()), lines.size()};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> ancillary{};
  if (!descriptors.empty()) {
    message.msg_control = ancillary.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  return ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

void ServiceManager::alive(Timestamp now) {
  if (!watchdog_ || (told_ && now - *told_ < *watchdog_ / 2)) return;
  told_ = now;
  tell("WATCHDOG=1");
}

}  // namespace fdr
