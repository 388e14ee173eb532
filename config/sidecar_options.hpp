// sidecar_options.hpp: The flags of `sextant sidecar`. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/request.hpp"

namespace sextant {

/// What `sidecar` was asked for.
struct sidecar_options {
  bool help = false;
  std::string name;                 ///< in subjects and events; empty: the host's
  std::string frontend;             ///< URL
  std::vector<std::string> workers; ///< URLs of decode workers' system servers, with or without /metrics
  std::string model;                ///< empty: all that the frontend counts
  std::string nats;                 ///< URL; empty: nothing is published
  std::string prefix;
  std::string curves;    ///< results directory or mounted ConfigMap; empty: nothing is compared
  std::string corrected; ///< where corrected curves go
  std::string kubernetes_namespace;
  double interval_s = 0;
  double duration_s = 0; ///< 0: until a signal
  double tolerance = 0;
  int prefill_replicas = 1;
  int decode_replicas = 1;
  bool json = false;
};

/// Takes the words behind `sidecar` apart. Every error at once.
sidecar_options read_sidecar_options(const std::vector<std::string>& words, std::vector<document_error>& errors);

/// `sextant sidecar --help`.
std::string sidecar_help_text();

} // namespace sextant
