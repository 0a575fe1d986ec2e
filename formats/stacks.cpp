#include "formats/stacks.hpp"

#include <fmt/format.h>

#include <array>

namespace fdr {

const char* walk_end_name(WalkEnd end) {
  static constexpr std::array<const char*, static_cast<std::size_t>(WalkEnd::kCount)> names = {
      "root", "kernel-only", "copy-too-short", "no-mapping", "no-unwind-info", "too-deep", "stuck", "unreadable", "not-walked"};
  const auto index = static_cast<std::size_t>(end);
  return index < names.size() ? names[index] : "invalid";
}

std::uint32_t StackTable::intern_module(const Module& module) {
  const auto [entry, fresh] = module_ids_.try_emplace(module, static_cast<std::uint32_t>(modules_.size()));
  if (fresh) modules_.push_back(module);
  return entry->second;
}

std::uint32_t StackTable::intern_frame(std::uint32_t module, std::uint64_t offset, const std::string& name) {
  const auto [entry, fresh] = frame_ids_.try_emplace({module, offset}, static_cast<std::uint32_t>(frames_.size()));
  if (fresh) frames_.push_back({module, offset, name});
  return entry->second;
}

StackId StackTable::intern_stack(std::span<const std::uint32_t> frames) {
  const auto [entry, fresh] =
      stack_ids_.try_emplace(std::vector<std::uint32_t>(frames.begin(), frames.end()), static_cast<StackId>(stacks_.size()));
  if (fresh) stacks_.push_back(entry->first);
  return entry->second;
}

std::span<const std::uint32_t> StackTable::stack(StackId id) const {
  if (id >= stacks_.size()) return {};
  return stacks_[id];
}

std::string StackTable::frame_label(std::uint32_t frame) const {
  const Frame& f = frames_[frame];
  if (!f.name.empty()) return f.name;
  const std::string& path = modules_[f.module].path;
  return fmt::format("{}+0x{:x}", path.substr(path.rfind('/') + 1), f.offset);
}

}  // namespace fdr
