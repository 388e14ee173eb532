// worker_image.cpp: Replaces the last path component of an image reference.
#include "config/worker_image.hpp"

namespace sextant {

namespace {

const char* runtime_name(backend_kind backend) {
  switch (backend) {
    case backend_kind::vllm:
      return "vllm-runtime";
    case backend_kind::sglang:
      return "sglang-runtime";
    case backend_kind::trtllm:
      break;
  }
  return "tensorrtllm-runtime";
}

} // namespace

std::string worker_image(const std::string& image, backend_kind backend, const std::string& version) {
  if (image.empty())
    return {};
  // A colon before the last slash belongs to the registry's port.
  const auto slash = image.rfind('/');
  const auto name = slash == std::string::npos ? 0 : slash + 1;
  const auto suffix = image.find_first_of(":@", name);
  const auto tag = !version.empty() ? ":" + version : suffix == std::string::npos ? std::string{} : image.substr(suffix);
  return image.substr(0, name) + runtime_name(backend) + tag;
}

} // namespace sextant
