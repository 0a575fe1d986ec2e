#include "recorder/sources/ring_writer.hpp"

#include <algorithm>
#include <cstring>

namespace fdr {

bool RingWriter::may_take(int ring, std::uint32_t slot, std::size_t bytes, std::uint64_t now_ns) {
  const std::uint64_t rate = layout_.refill_per_ms[ring];
  if (!rate) return true;
  fdr_cursor& at = cursor(ring, slot);
  const auto most = static_cast<std::int64_t>(std::uint64_t{chunk_bytes(ring)} * layout_.chunks[ring] / 2);
  if (!at.refilled_ns) {
    at.refilled_ns = now_ns;
    at.allowance = most;
  } else if (const std::uint64_t elapsed_ms = now_ns > at.refilled_ns ? (now_ns - at.refilled_ns) / 1'000'000 : 0) {
    at.allowance = std::min(at.allowance + static_cast<std::int64_t>(std::min<std::uint64_t>(elapsed_ms, 1'000'000) * rate), most);
    at.refilled_ns += elapsed_ms * 1'000'000;
  }
  return at.allowance >= static_cast<std::int64_t>(bytes);
}

void RingWriter::append(int ring, std::uint32_t slot, std::uint32_t cpu, std::span<const std::uint8_t> record, std::uint64_t now_ns, std::span<const std::uint8_t> rest) {
  const std::size_t length = record.size() + rest.size();
  fdr_cursor& at = cursor(ring, slot);
  const std::uint32_t body = chunk_bytes(ring) - FDR_CHUNK_HEADER;
  if (length > body) {
    ++at.dropped;
    return;
  }
  const bool fresh = at.seq == 0 || at.used + length > body;
  const std::uint64_t seq = at.seq + fresh;
  const std::uint64_t index = std::uint64_t{slot} * layout_.chunks[ring] + seq % layout_.chunks[ring];
  std::uint8_t* const bytes = arrays_.rings[ring] + index * chunk_bytes(ring);
  auto* const chunk = reinterpret_cast<fdr_chunk_header*>(bytes);
  if (fresh) {
    __atomic_store_n(&chunk->used, 0u, __ATOMIC_RELEASE);
    __atomic_store_n(&chunk->seq, seq, __ATOMIC_RELEASE);
    chunk->first_ns = now_ns;
    chunk->cpu = cpu;
    at.used = 0;
    at.chunk = seq % layout_.chunks[ring];
    __atomic_store_n(&at.seq, seq, __ATOMIC_RELEASE);
  }
  std::memcpy(bytes + FDR_CHUNK_HEADER + at.used, record.data(), record.size());
  if (!rest.empty()) std::memcpy(bytes + FDR_CHUNK_HEADER + at.used + record.size(), rest.data(), rest.size());
  at.used += static_cast<std::uint32_t>(length);
  __atomic_store_n(&chunk->used, at.used, __ATOMIC_RELEASE);
  ++at.recorded;
  at.allowance -= static_cast<std::int64_t>(length);
}

}  // namespace fdr
