// filled.hpp: Messages with every field set to something else than its default, made through their own descriptions.
#pragma once

#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "messages/messages.hpp"

namespace sextant::test {

/// Fills whatever is described; values count up, so that no two fields are alike.
class filler {
public:
  template <class T>
  void field(const char*, T& x, const char*) {
    fill(x);
  }
  template <class T>
  void required(const char*, T& x, const char*) {
    fill(x);
  }

  template <class T>
  void fill(T& x) {
    ++count_;
    if constexpr (std::is_same_v<T, bool>)
      x = !x;
    else if constexpr (std::is_enum_v<T>)
      x = enum_names<T>::values.back().first == x ? enum_names<T>::values.front().first : enum_names<T>::values.back().first;
    else if constexpr (std::is_floating_point_v<T>)
      x = count_ + 1000.125;
    else if constexpr (std::is_integral_v<T>)
      x = static_cast<T>(count_ + 1000);
    else if constexpr (std::is_same_v<T, std::string>)
      x = "text \"" + std::to_string(count_) + "\" \\ \n\t\u00fc";
    else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>)
      x = {{"a.b", "1"}, {"c", std::to_string(count_)}};
    else
      fill_structured(x);
  }

private:
  template <class T>
  void fill_structured(std::vector<T>& x) {
    x.resize(2);
    for (auto& item : x)
      fill(item);
  }
  template <class T>
  void fill_structured(T& x) {
    describe(*this, x);
  }

  int count_ = 0;
};

template <class T>
T filled() {
  T x;
  filler f;
  f.fill(x);
  return x;
}

} // namespace sextant::test
