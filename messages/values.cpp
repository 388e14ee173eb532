#include "messages/values.hpp"

namespace sextant {

namespace {

std::string upper_method(mapping_method method) {
  switch (method) {
    case mapping_method::tp:
      return "TP";
    case mapping_method::tep:
      return "TEP";
    case mapping_method::dep:
      return "DEP";
  }
  return "TP";
}

} // namespace

std::string mapping::label() const {
  return upper_method(method) + "=" + std::to_string(gpus);
}

std::string mapping::tag() const {
  return upper_method(method) + std::to_string(gpus);
}

} // namespace sextant
