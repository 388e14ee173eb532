// request_facts.cpp: Finds model and GPU, then checks everything that depends on them.
#include "config/request_facts.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "config/catalogue.hpp"
#include "config/gpu_range.hpp"
#include "config/intake.hpp"
#include "config/nearest.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

bool is_directory(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

bool has_config(const std::string& directory) {
  std::error_code error;
  return !directory.empty() && std::filesystem::is_regular_file(std::filesystem::path{directory} / "config.json", error);
}

/// Path of the weights below the mount point of the claim; empty without a claim.
std::string cache_directory(const draft& d) {
  if (d.value("model-cache-pvc-name").empty())
    return {};
  const auto mount = std::filesystem::path{d.value("model-cache-pvc-mount-path")};
  const auto inside = std::filesystem::path{d.value("model-cache-pvc-path")};
  // A v1beta1 path may already be absolute below the mount point.
  return (inside.is_absolute() && inside.string().starts_with(mount.string()) ? inside : mount / inside.relative_path())
      .string();
}

std::string nearest_model(const std::string& name) {
  const auto names = model_names();
  const auto nearest = nearest_name(name, names);
  if (!nearest.empty())
    return nearest;
  // People often leave the organisation out or write another one.
  const auto tail = [](const std::string& text) { return text.substr(text.rfind('/') + 1); };
  std::vector<std::string> tails;
  for (const auto& known : names)
    tails.push_back(tail(known));
  const auto found = std::find(tails.begin(), tails.end(), nearest_name(tail(name), tails));
  return found == tails.end() ? "" : names[static_cast<std::size_t>(found - tails.begin())];
}

void read_directory(draft& d, const std::string& directory, model_facts& model) {
  std::vector<document_error> errors;
  if (read_model_directory(directory, model, errors))
    return;
  constexpr std::size_t longest_path = 300; // what no file system has need not be shown in full
  for (auto& error : errors)
    d.refuse("model",
             (error.source.size() > longest_path ? shown(error.source) : error.source)
                 + (error.path.empty() ? "" : ": " + error.path) + ": " + error.found,
             error.accepted, error.hint);
}

bool resolve_model(draft& d, model_facts& model) {
  const auto name = d.value("model");
  const auto before = d.out.errors.size();
  if (name.empty()) {
    d.refuse("model", d.has("model") ? "\"\"" : "nothing", "a hub id of the catalogue, or a directory with a config.json");
    return false;
  }
  model.name = name;
  const bool path_like = name[0] == '/' || name[0] == '~' || name.starts_with("./") || name.starts_with("../");
  if (const auto cache = cache_directory(d); has_config(cache))
    read_directory(d, cache, model);
  else if (path_like || has_config(name))
    read_directory(d, name, model);
  else if (const auto* known = find_model(name))
    model = *known;
  else if (is_directory(name))
    read_directory(d, name, model);
  else {
    const auto nearest = nearest_model(name);
    d.refuse("model", "\"" + shown(name) + "\"",
             "one of the catalogue's " + std::to_string(model_names().size())
                 + " models, or a directory with the model's config.json",
             nearest.empty() ? "fetch the model's config.json and give its directory" : "did you mean '" + nearest + "'?");
  }
  return d.out.errors.size() == before;
}

void resolve_gpu(draft& d, gpu_facts& gpu) {
  const auto* name = d.has("gpu") || !d.has("aic-system") ? "gpu" : "aic-system";
  if (const auto* known = find_gpu(d.value(name)))
    gpu = *known;
  if (d.has("vram-mb"))
    gpu.memory_bytes = d.number("vram-mb") * 1024 * 1024;
}

bool power_of_two_between(int low, int high) {
  int64_t n = 1;
  while (n < low)
    n *= 2;
  return n <= high;
}

void check_pool(draft& d, const profile_request& request) {
  int64_t smallest = 1;
  while (smallest < request.min_gpus_per_engine)
    smallest *= 2;
  // Without an explicit pool, the process that runs the engines knows its own.
  if (d.has("gpus") && smallest > d.integer("gpus"))
    d.refuse("gpus", d.value("gpus") + " GPUs", "at least " + std::to_string(smallest) + ", the smallest engine",
             "raise gpus or lower min-num-gpus-per-engine");
}

std::string range_explanation(const profile_request& request) {
  return request.model.name + ": " + std::to_string(std::llround(weight_bytes_of(request.model) / 1048576.0))
         + " MiB of weights; " + request.gpu.name + ": " + std::to_string(std::llround(request.gpu.memory_bytes / 1048576.0))
         + " MiB, " + std::to_string(request.gpus_per_node) + " GPUs per node";
}

void resolve_range(draft& d, profile_request& request) {
  gpu_range_input in;
  in.weight_bytes = weight_bytes_of(request.model);
  in.gpu_memory_bytes = request.gpu.memory_bytes;
  in.gpu_gpus_per_node = request.gpu.gpus_per_node;
  in.is_moe = request.model.is_moe;
  in.min_gpus = d.integer("min-num-gpus-per-engine");
  in.max_gpus = d.integer("max-num-gpus-per-engine");
  in.gpus_per_node = d.integer("num-gpus-per-node");
  in.discover = !d.has("enable-gpu-discovery") || d.flag("enable-gpu-discovery");
  auto range = gpu_range_for(in);
  if (!in.discover && (in.min_gpus == 0 || in.max_gpus == 0 || in.gpus_per_node == 0))
    d.out.warnings.emplace_back("without GPU discovery, GPU counts that were not given are 1, 4 and 8");
  const auto estimated = largest_estimated_tp(request.model.heads);
  if (d.flag("use-ai-configurator") && !request.model.is_moe && range.max_gpus > estimated) {
    d.out.warnings.push_back("max-num-gpus-per-engine is " + std::to_string(estimated)
                             + ": the AI Configurator needs 4 attention heads per GPU");
    range.max_gpus = estimated;
    range.fits = range.min_gpus <= range.max_gpus;
  }
  request.min_gpus_per_engine = range.min_gpus;
  request.max_gpus_per_engine = range.max_gpus;
  request.gpus_per_node = range.gpus_per_node;
  request.gpu.gpus_per_node = range.gpus_per_node;
  const auto* culprit = in.min_gpus > 0 ? "min-num-gpus-per-engine" : "max-num-gpus-per-engine";
  const auto found = "from " + std::to_string(range.min_gpus) + " to " + std::to_string(range.max_gpus) + " GPUs per engine";
  if (!range.fits)
    d.refuse(culprit, found, "a minimum not above the maximum", range_explanation(request));
  else if (!power_of_two_between(range.min_gpus, range.max_gpus))
    d.refuse(culprit, found, "a range with a power of two in it, the only sizes that are tried");
  else
    check_pool(d, request);
}

void check_context(draft& d, profile_request& request) {
  const auto wanted = d.integer("max-context-length");
  const auto own = request.model.max_context;
  request.max_context = wanted > 0 && own > 0 ? std::min(wanted, own) : std::max(wanted, own);
  if (wanted > own && own > 0)
    d.out.warnings.push_back("max-context-length is " + std::to_string(own) + ", the model's");
  const auto isl = d.number("isl"), osl = d.number("osl");
  if (request.max_context > 0 && isl + osl > request.max_context)
    d.refuse(d.has("isl") || !d.has("osl") ? "isl" : "osl",
             number_text(isl) + " + " + number_text(osl) + " tokens (isl + osl)",
             "at most " + std::to_string(request.max_context) + " tokens, the longest context",
             wanted > 0 && wanted < own ? "raise max-context-length" : "");
}

} // namespace

void resolve_facts(draft& d, profile_request& request) {
  resolve_gpu(d, request.gpu);
  const bool known = resolve_model(d, request.model);
  // A range that contradicts itself is an error whatever the model is.
  const auto low = d.integer("min-num-gpus-per-engine"), high = d.integer("max-num-gpus-per-engine");
  if (known) {
    resolve_range(d, request);
    check_context(d, request);
  } else if (low > 0 && high > 0 && low > high) {
    d.refuse("min-num-gpus-per-engine", "from " + std::to_string(low) + " to " + std::to_string(high) + " GPUs per engine",
             "a minimum not above the maximum");
  }
}

} // namespace sextant
