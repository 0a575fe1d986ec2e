#include "recorder/sources/perf_ring.hpp"

#include <linux/perf_event.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace fdr {
namespace {

perf_event_mmap_page* page_of(const SharedMapping& mapping) { return static_cast<perf_event_mmap_page*>(mapping.data()); }

}  // namespace

PerfRing::PerfRing(int event, std::size_t bytes, const char* what)
    : mapping_(event, bytes + static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), true, what), bytes_(bytes), data_(static_cast<const std::uint8_t*>(mapping_.data()) + ::sysconf(_SC_PAGESIZE)) {}

void PerfRing::begin() {
  head_ = __atomic_load_n(&page_of(mapping_)->data_head, __ATOMIC_ACQUIRE);
  tail_ = last_ = page_of(mapping_)->data_tail;
}

std::span<const std::uint8_t> PerfRing::next() {
  if (head_ - tail_ < sizeof(perf_event_header)) return {};
  perf_event_header header;
  copy(tail_, &header, sizeof header);
  if (header.size < sizeof header || header.size > head_ - tail_) {  // not what the kernel writes: nothing behind it can be trusted
    tail_ = head_;
    return {};
  }
  last_ = tail_;
  tail_ += header.size;
  const std::size_t at = last_ % bytes_;
  if (at + header.size <= bytes_) return {data_ + at, header.size};
  wrapped_.resize(header.size);
  copy(last_, wrapped_.data(), header.size);
  return wrapped_;
}

void PerfRing::end() { __atomic_store_n(&page_of(mapping_)->data_tail, tail_, __ATOMIC_RELEASE); }

void PerfRing::copy(std::uint64_t from, void* to, std::size_t bytes) const {
  const std::size_t at = from % bytes_, first = std::min(bytes, bytes_ - at);
  std::memcpy(to, data_ + at, first);
  std::memcpy(static_cast<std::uint8_t*>(to) + first, data_, bytes - first);
}

}  // namespace fdr
