#include "formats/pack/bundle_path.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/pack/private_directory.hpp"
#include "formats/pack/zip_file.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::array<std::string_view, 5> kBesideBundle = {"README.txt", "report.html", "pack.json", "vendor.json", "signature.txt"};

bool member_of_pack(std::string_view path) {
  const std::string root = std::string(kPackRoot) + "/";
  if (!path.starts_with(root)) return false;
  path.remove_prefix(root.size());
  if (std::find(kBesideBundle.begin(), kBesideBundle.end(), path) != kBesideBundle.end()) return true;
  return path.starts_with(std::string(kPackBundle) + "/");
}

}  // namespace

class BundlePath::Extracted {
 public:
  explicit Extracted(const std::string& zip) {
    const HeldSignals held;
    const FileDescriptor fd(::open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) throw system_error("open " + directory_.path(), errno);
    extract_zip(zip, fd.get(), member_of_pack);
    directory_.watch();
  }
  const std::string& path() const { return directory_.path(); }

 private:
  PrivateDirectory directory_;
};

BundlePath::BundlePath(const std::string& given) : bundle_(given) {
  struct stat status {};
  if (::stat(given.c_str(), &status) != 0 || S_ISDIR(status.st_mode)) return;  // the reader says what is wrong with it
  extracted_ = std::make_shared<const Extracted>(given);
  pack_ = extracted_->path() + "/" + kPackRoot;
  bundle_ = pack_ + "/" + kPackBundle;
  if (::stat(bundle_.c_str(), &status) != 0) throw Error(printable(given) + " holds no bundle", "fdr pack BUNDLE -o FILE.zip makes one that does");
}

}  // namespace fdr
