// Counters of many that come and go (disks, network interfaces), as one that never goes back: it begins with what all of them stood at, so that it
// goes on from one recorder to the next, and grows by what each of them gains. Who comes later counts from where it was found, who goes takes
// nothing away, and who fell began again.
//
// Names are the host's: at most kMost are kept, the rest is not counted. Pure; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace fdr {

template <std::size_t N>
class SumOfMany {
 public:
  using Counts = std::array<double, N>;
  static constexpr std::size_t kMost = 4096;

  // One look is an add() of each that is there, then done().
  void add(std::string_view name, const Counts& counts) {
    auto member = members_.find(name);
    if (member == members_.end()) {
      if (members_.size() >= kMost) return;
      member = members_.emplace(name, Member{begun_ ? counts : Counts{}, false}).first;
    }
    gain(counts, member->second.counts);
    member->second = {counts, true};
  }
  // The sums; nothing where none was there.
  std::optional<Counts> done() {
    std::erase_if(members_, [](const auto& member) { return !member.second.seen; });
    for (auto& [name, member] : members_) member.seen = false;
    if (members_.empty()) return std::nullopt;
    begun_ = true;
    return sums_;
  }

 private:
  struct Member {
    Counts counts;
    bool seen;  // at this look
  };
  void gain(const Counts& now, const Counts& before) {
    for (std::size_t i = 0; i < N; ++i)
      if (now[i] > before[i]) sums_[i] += now[i] - before[i];
  }

  std::map<std::string, Member, std::less<>> members_;
  Counts sums_{};
  bool begun_ = false;
};

}  // namespace fdr
