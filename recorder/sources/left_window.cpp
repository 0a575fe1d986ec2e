#include "recorder/sources/left_window.hpp"

#include <unistd.h>

#include "recorder/sources/pinned_window.hpp"
#include "recorder/sources/pins.hpp"
#include "recorder/sources/window_file.hpp"
#include "recorder/system/run_places.hpp"

namespace fdr {

std::vector<std::string> window_places(const std::string& name) {
  const std::string directory = run_directory_of(name), mine = directory + "/window";
  const std::string shared = "/dev/shm/fdr-" + std::to_string(::geteuid()) + "-" + name;
  if (is_in_memory(directory)) return {mine, shared};
  if (is_in_memory("/dev/shm")) return {shared, mine};
  return {mine};
}

bool has_left_window(const std::string& name) { return has_pinned_window(name) || !find_window_file(window_places(name)).empty(); }

std::unique_ptr<LeftWindow> open_left_window(const std::string& name) {
  if (const std::string path = find_window_file(window_places(name)); !path.empty() && !has_pinned_window(name)) return std::make_unique<FileWindow>(path, name);
  return std::make_unique<PinnedWindow>(name);
}

void detach_left_window(const std::string& name) { detach_leftovers(name); }

void remove_left_window(const std::string& name) {
  remove_leftovers(name);
  if (const std::string path = find_window_file(window_places(name)); !path.empty()) ::unlink(path.c_str());
}

}  // namespace fdr
