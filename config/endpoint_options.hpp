// endpoint_options.hpp: The flags of `sextant profile-endpoint`, with the names of the reference profiler's script.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/request.hpp"

namespace sextant {

/// What `profile-endpoint` was asked for.
struct endpoint_options {
  bool help = false;
  bool prefill = false; ///< else decode
  std::string model;    ///< empty: the first that the endpoint lists
  std::string url;
  int gpus = 1;              ///< of the endpoint, for figures per GPU
  int attention_dp = 1;      ///< attention ranks of its engine
  int64_t max_kv_tokens = 0; ///< 0: asked from `/metrics`
  std::string work_dir;
  int max_context = 16384;
  int granularity = 8;
  double precision = 0; ///< relative half width of the 95 % interval at which a point ends
  uint64_t seed = 0;
  std::vector<std::string> remarks; ///< flags that were taken and change nothing
};

/// Takes the words behind `profile-endpoint` apart; dashes and underscores are the same. Every error at once.
endpoint_options read_endpoint_options(const std::vector<std::string>& words, std::vector<document_error>& errors);

/// `sextant profile-endpoint --help`.
std::string endpoint_help_text();

} // namespace sextant
