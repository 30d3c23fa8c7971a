#include "progress_bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace rerankd::client {
namespace {

constexpr std::chrono::milliseconds kRedrawInterval{100};
constexpr std::chrono::seconds kPrintInterval{5};
constexpr std::string_view kClearLine = "\r\033[K";

void Show(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace

std::string BarLine(double fraction, std::string_view text, size_t columns) {
  constexpr size_t kMinBar = 10;
  constexpr size_t kMaxBar = 40;
  const size_t used = text.size() + 4;  // brackets, a space, and the last column, which would wrap
  if (columns < used + kMinBar) return std::string(text.substr(0, columns > 0 ? columns - 1 : 0));
  const size_t width = std::min(columns - used, kMaxBar);
  const auto full =
      static_cast<size_t>(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(width));
  return fmt::format("[{}{}] {}", std::string(full, '#'), std::string(width - full, '.'), text);
}

void ProgressBar::Update(double fraction, std::string_view text) {
  const auto now = now_();
  if (!terminal_) {
    if (now - printed_ < kPrintInterval) return;
    printed_ = now;
    Show(fmt::format("{:3.0f}%  {}\n", std::clamp(fraction, 0.0, 1.0) * 100, text));
    return;
  }
  if (now - drawn_ < kRedrawInterval && fraction < 1) return;
  drawn_ = now;
  Show(fmt::format("{}{}", kClearLine, BarLine(fraction, text, columns_)));
}

void ProgressBar::Say(std::string_view message) {
  Show(fmt::format("{}{}\n", terminal_ ? kClearLine : "", message));
}

void ProgressBar::Keep() const {
  if (drawn_ != std::chrono::steady_clock::time_point()) Show("\n");
}

void ProgressBar::Clear() const {
  if (drawn_ != std::chrono::steady_clock::time_point()) Show(std::string(kClearLine));
}

}  // namespace rerankd::client
