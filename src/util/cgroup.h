// Limits of the control groups that this process is in.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace rerankd {

// Where control groups are described and mounted; a test has its own.
struct CgroupFiles {
  std::filesystem::path self = "/proc/self/cgroup";
  std::filesystem::path root = "/sys/fs/cgroup";
};

// Reads the limit that a group's folder states; 0: none.
using ReadCgroupLimit = std::function<double(const std::filesystem::path& folder)>;

// The tightest limit of `controller` ("cpu", "memory") on this process, its group's or an
// ancestor's, by `read_v2` in the unified hierarchy and by `read_v1` in the controller's own. A
// container that sees its own group as the root finds the limit there. 0: none.
double CgroupLimit(const CgroupFiles& files, std::string_view controller,
                   const ReadCgroupLimit& read_v2, const ReadCgroupLimit& read_v1);

}  // namespace rerankd
