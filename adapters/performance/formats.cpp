// formats.cpp: The formats of the performance reference, section 6.
#include "adapters/performance/formats.hpp"

#include <array>
#include <mutex>
#include <set>
#include <string>

namespace sextant::performance {

namespace {

constexpr std::array known_formats{
    std::string_view{"bfloat16"},
    std::string_view{"float16"},
    std::string_view{"int8_wo"},
    std::string_view{"int4_wo"},
    std::string_view{"fp8"},
    std::string_view{"fp8_static"},
    std::string_view{"fp8_block"},
    std::string_view{"fp8_ootb"},
    std::string_view{"sq"},
    std::string_view{"int8"},
    std::string_view{"nvfp4"},
    std::string_view{"nvfp4_wo"},
    std::string_view{"w4a16_nvfp4"},
    std::string_view{"w4afp8"},
    std::string_view{"w4a16_mxfp4"},
    std::string_view{"w4a16_mxfp4_cutlass"},
    std::string_view{"w4a8_mxfp4_mxfp8"},
    std::string_view{"w4a8_mxfp4_mxfp8_trtllm"},
};

} // namespace

std::string_view format_name(std::string_view quant) {
  for (const auto name : known_formats)
    if (name == quant)
      return name;
  if (quant.empty())
    return {};
  static std::mutex mutex;
  static std::set<std::string, std::less<>> others;
  const std::lock_guard lock{mutex};
  const auto found = others.find(quant);
  return found != others.end() ? std::string_view{*found} : std::string_view{*others.emplace(quant).first};
}

double format_bytes(std::string_view quant) {
  if (quant.starts_with("nvfp4") || quant == "w4a16_nvfp4")
    return 0.5625; // 4 bits and one FP8 scale for 16 elements
  if (quant.starts_with("w4a") && quant.find("mxfp4") != std::string_view::npos)
    return 0.53125; // 4 bits and one 8-bit scale for 32 elements
  if (quant.starts_with("int4") || quant.starts_with("w4a"))
    return 0.5;
  if (quant.starts_with("fp8") || quant.starts_with("int8") || quant == "sq")
    return 1;
  return 2;
}

bool is_weight_only(std::string_view quant) {
  return quant.ends_with("_wo") || quant.starts_with("w4a16");
}

double format_flops(std::string_view quant, const gpu_facts& gpu) {
  if (is_weight_only(quant))
    return gpu.bf16_flops;
  if (quant.starts_with("nvfp4") && gpu.fp4_flops > 0)
    return gpu.fp4_flops;
  if ((quant.starts_with("fp8") || quant.starts_with("w4a") || quant.starts_with("nvfp4")) && gpu.fp8_flops > 0)
    return gpu.fp8_flops;
  if ((quant == "sq" || quant == "int8") && gpu.int8_ops > 0)
    return gpu.int8_ops;
  return gpu.bf16_flops;
}

} // namespace sextant::performance
