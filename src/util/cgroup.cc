#include "util/cgroup.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace rerankd {
namespace {

namespace fs = std::filesystem;

// The tighter of two limits, where 0 means none.
double Tighter(double a, double b) {
  if (a <= 0) return b;
  if (b <= 0) return a;
  return std::min(a, b);
}

// Applies `read` to root/path and to every ancestor of it down to root.
double LimitAlong(const fs::path& root, const std::string& path, const ReadCgroupLimit& read) {
  double limit = read(root);
  fs::path folder = root;
  for (const fs::path& part : fs::path(path).relative_path()) {
    folder /= part;
    limit = Tighter(limit, read(folder));
  }
  return limit;
}

}  // namespace

double CgroupLimit(const CgroupFiles& files, std::string_view controller,
                   const ReadCgroupLimit& read_v2, const ReadCgroupLimit& read_v1) {
  double limit = 0;
  std::ifstream in(files.self);
  // Each line is "hierarchy:controllers:path"; v2 has hierarchy 0 and no controllers.
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      limit = Tighter(limit, LimitAlong(files.root, path, read_v2));
      continue;
    }
    std::stringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');) {
      if (name == controller) {
        limit = Tighter(limit, LimitAlong(files.root / controllers, path, read_v1));
      }
    }
  }
  return limit;
}

}  // namespace rerankd
