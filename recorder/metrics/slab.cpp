#include "recorder/metrics/slab.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <limits>

#include "recorder/cost/self_cost.hpp"
#include "recorder/system/proc_text.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr Duration kEvery = std::chrono::milliseconds(950);
constexpr double kMostOrder = 20;

}  // namespace

std::span<const char* const> slab_caches() {
  static constexpr std::array kCaches = {"dentry",           "inode_cache",       "ext4_inode_cache", "xfs_inode",       "btrfs_inode",    "ovl_inode",
                                         "fuse_inode",       "proc_inode_cache",  "shmem_inode_cache", "sock_inode_cache", "buffer_head",   "radix_tree_node",
                                         "kernfs_node_cache", "task_struct",      "vm_area_struct",   "mm_struct",       "filp",           "nf_conntrack",
                                         "TCP",              "skbuff_head_cache"};
  return kCaches;
}

std::optional<double> parse_slab_count(std::string_view text) {
  std::string_view line = take_line(text);
  return parse_count(take_word(line));
}

SlabMetrics::SlabMetrics(const MetricCatalogue& catalogue, const std::string& root, double cpu_share) : budget_(cpu_share) {
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  for (const char* name : slab_caches()) {
    const auto id = catalogue.find("host.slab." + std::string(name));
    const std::string path = root + "/" + name;
    struct stat entry {};
    if (!id || ::lstat(path.c_str(), &entry) || !S_ISDIR(entry.st_mode)) continue;
    const auto order = parse_slab_count(read_small_file(path + "/order", 64).value_or(""));
    if (!order || *order < 0 || *order > kMostOrder) continue;
    caches_.push_back({*id, ProcFile(path + "/slabs"), page * std::exp2(*order), kUnknown});
  }
}

void SlabMetrics::read(Timestamp now, std::span<double> row) {
  budget_.advance(now);
  if ((read_at_ == Timestamp{} || now - read_at_ >= kEvery) && budget_.may_spend()) {
    read_at_ = now;
    const Duration begin = thread_cpu_time();
    for (Cache& cache : caches_) {
      const auto text = cache.slabs.read(buffer_);
      const auto slabs = text ? parse_slab_count(*text) : std::nullopt;
      cache.value = slabs ? *slabs * cache.slab_bytes : kUnknown;
    }
    budget_.spent(thread_cpu_time() - begin);
  }
  for (const Cache& cache : caches_)
    if (cache.id < row.size()) row[cache.id] = cache.value;
}

}  // namespace fdr
