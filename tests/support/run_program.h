// Runs a program to its end.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/temp_dir.h"

namespace rerankd {

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

inline std::string Slurp(const std::filesystem::path& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

// With `input` as its standard input and nothing but `environment`; `folder` takes its output.
// `meanwhile` runs once it was started.
inline Outcome RunProgram(const std::string& program, std::vector<std::string> arguments,
                          const TempDir& folder, const std::string& input,
                          std::vector<std::string> environment,
                          const std::function<void(pid_t)>& meanwhile = {}) {
  const auto pointers = [](std::vector<std::string>& strings) {
    std::vector<char*> out;
    out.reserve(strings.size() + 1);
    for (std::string& string : strings) out.push_back(string.data());
    out.push_back(nullptr);
    return out;
  };
  const auto redirect = [](const std::string& path, int flags, int onto) {
    const int fd = open(path.c_str(), flags, 0600);
    if (fd < 0 || dup2(fd, onto) < 0) _exit(126);
  };
  const std::string in = folder.Write("in", input).string();
  const std::string out = (folder.path() / "out").string();
  const std::string err = (folder.path() / "err").string();
  arguments.insert(arguments.begin(), program);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  const pid_t child = fork();
  if (child == 0) {
    redirect(in, O_RDONLY, STDIN_FILENO);
    redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    execve(program.c_str(), argv.data(), envp.data());
    _exit(127);
  }
  if (meanwhile) meanwhile(child);
  Outcome outcome;
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  outcome.code = WEXITSTATUS(status);
  outcome.out = Slurp(out);
  outcome.err = Slurp(err);
  return outcome;
}

}  // namespace rerankd
