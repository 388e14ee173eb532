// sampled_curve.hpp: A function of a size, sampled at powers of two and half-way between, linear in between.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace sextant::performance {

/// Values at 0, 1, 2, 3, 4, 6, 8, 12, 16, 24 … 65,536; linear between them and beyond the last.
class sampled_curve {
public:
  static constexpr int size = 33;

  /// The size that sample `i` stands for.
  static constexpr double at(int i) {
    if (i < 3)
      return i;
    return i % 2 == 0 ? static_cast<double>(int64_t{1} << (i / 2)) : 1.5 * static_cast<double>(int64_t{1} << (i / 2));
  }

  /// Samples `f` at every size. `f(0)` is asked too.
  template <class Function>
  static sampled_curve of(Function&& f) {
    sampled_curve curve;
    for (int i = 0; i < size; ++i)
      curve.values_[i] = f(at(i));
    return curve;
  }

  double operator()(double x) const {
    const int i = below(x);
    const double from = at(i), to = at(i + 1);
    return values_[i] + (values_[i + 1] - values_[i]) * (x - from) / (to - from);
  }

  /// Every value times `factor`.
  void scale(double factor) {
    for (auto& value : values_)
      value *= factor;
  }

private:
  /// Greatest sample that is not beyond `x`; the last but one at most.
  static int below(double x) {
    if (x < 2)
      return x < 1 ? 0 : 1;
    const auto whole = static_cast<uint64_t>(x);
    const int power = std::bit_width(whole) - 1;
    const bool upper = (whole >> (power - 1) & 1) != 0;
    const int i = 2 * power + (upper ? 1 : 0);
    return i < size - 1 ? i : size - 2;
  }

  std::array<double, size> values_{};
};

} // namespace sextant::performance
