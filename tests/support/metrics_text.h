// What an endpoint prints for Prometheus, read without mercy: a line that is not understood fails
// the test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>

namespace rerankd {

class MetricsText {
 public:
  using Labels = std::map<std::string, std::string>;

  explicit MetricsText(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) Read(line);
  }

  // Of a series, by its name and all its labels. Missing: a failure, and -1.
  double Value(const std::string& name, const Labels& labels = {}) const {
    const auto found = values_.find({name, labels});
    if (found != values_.end()) return found->second;
    ADD_FAILURE() << "no series " << name;
    return -1;
  }
  bool Has(const std::string& name, const Labels& labels = {}) const {
    return values_.contains({name, labels});
  }

  // "name type label,label" of every family that has a series; what a histogram or a summary adds
  // (le, quantile, _bucket) is left out.
  std::set<std::string> Families() const {
    std::set<std::string> families;
    for (const auto& [series, value] : values_) {
      std::string name = series.first;
      if (!types_.contains(name)) {
        for (const char* suffix : {"_bucket", "_sum", "_count"}) {
          if (name.ends_with(suffix)) name.resize(name.size() - std::string(suffix).size());
          if (types_.contains(name)) break;
        }
      }
      const auto type = types_.find(name);
      if (type == types_.end()) {
        ADD_FAILURE() << name << " has no # TYPE";
        continue;
      }
      std::string labels;
      for (const auto& [label, text] : series.second) {
        if (label == "le" || label == "quantile") continue;
        if (!labels.empty()) labels += ',';
        labels += label;
      }
      families.insert(name + " " + type->second + " " + labels);
    }
    return families;
  }

  // Every value of every label.
  std::set<std::string> LabelValues() const {
    std::set<std::string> values;
    for (const auto& [series, value] : values_) {
      for (const auto& [label, text] : series.second) values.insert(text);
    }
    return values;
  }

 private:
  void Read(const std::string& line) {
    if (line.empty() || line.starts_with("# HELP ")) return;
    if (line.starts_with("# TYPE ")) {
      std::istringstream words(line.substr(7));
      std::string name;
      std::string type;
      words >> name >> type;
      EXPECT_TRUE(types_.emplace(name, type).second) << "twice: " << line;
      return;
    }
    Labels labels;
    const size_t open = line.find('{');
    size_t end = line.find(' ');
    const std::string name = line.substr(0, std::min(open, end));
    if (open != std::string::npos) {
      size_t at = open + 1;
      while (at < line.size() && line[at] != '}') {
        const size_t equals = line.find("=\"", at);
        ASSERT_NE(equals, std::string::npos) << line;
        const std::string label = line.substr(at, equals - at);
        std::string value;
        for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
          if (line[at] == '\\') ++at;
          value += line[at];
        }
        labels[label] = value;
        at += line[at + 1] == ',' ? 2 : 1;
      }
      end = at + 1;
    }
    ASSERT_LT(end, line.size()) << line;
    char* rest = nullptr;
    const double value = std::strtod(line.c_str() + end, &rest);
    EXPECT_TRUE(rest != line.c_str() + end && *rest == 0) << line;
    EXPECT_TRUE(values_.emplace(std::make_pair(name, labels), value).second) << "twice: " << line;
  }

  std::map<std::string, std::string> types_;
  std::map<std::pair<std::string, Labels>, double> values_;
};

}  // namespace rerankd
