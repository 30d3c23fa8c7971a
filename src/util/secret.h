// A credential that cannot end up in a log or a message by accident: it has no operator<< and no
// fmt formatter, so printing it, or a struct that holds it, does not compile.
#pragma once

#include <string>
#include <utility>

namespace rerankd {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  bool empty() const { return value_.empty(); }
  // The value, for the one place that sends it.
  const std::string& Reveal() const { return value_; }

 private:
  std::string value_;
};

}  // namespace rerankd
