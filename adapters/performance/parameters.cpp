#include "adapters/performance/parameters.hpp"

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <utility>

namespace sextant::embedded {
extern const std::string_view parameters_tsv;
}

namespace sextant::performance {

namespace {

constexpr std::array generations{std::string_view{"hopper"}, std::string_view{"blackwell"}};

/// Calls `visit(name, value)` for every parameter.
template <class Visit>
void each_parameter(model_parameters& p, Visit&& visit) {
  for (std::size_t i = 0; i < generations.size(); ++i) {
    auto& g = p.gpus[i];
    for (auto [name, value] : {std::pair{"read_share", &g.read_share},
                               {"expert_read_share", &g.expert_read_share},
                               {"attention_share", &g.attention_share},
                               {"gemm_share_16", &g.gemm_share_16},
                               {"gemm_share_8", &g.gemm_share_8},
                               {"gemm_share_4", &g.gemm_share_4},
                               {"expert_share", &g.expert_share},
                               {"link_latency_s", &g.link_latency_s}})
      visit(std::string{generations[i]} + "." + name, *value);
  }
  for (const auto& [kind, label] : enum_names<backend_kind>::values) {
    auto& b = p.backends[static_cast<std::size_t>(kind)];
    for (auto [name, value] : {std::pair{"launch_s", &b.launch_s},
                               {"elementwise_s", &b.elementwise_s},
                               {"quantise_s", &b.quantise_s},
                               {"cache_read_share", &b.cache_read_share},
                               {"host_s", &b.host_s},
                               {"host_sequence_s", &b.host_sequence_s},
                               {"host_request_s", &b.host_request_s},
                               {"prompt_layer_s", &b.prompt_layer_s},
                               {"mixed_scale", &b.mixed_scale},
                               {"first_token_s", &b.first_token_s},
                               {"prompt_token_s", &b.prompt_token_s}})
      visit(std::string{label} + "." + name, *value);
  }
  visit("tables.products", p.tables.products);
  visit("tables.experts", p.tables.experts);
  visit("tables.attention", p.tables.attention);
  visit("tables.collectives", p.tables.collectives);
  visit("all.link_share", p.link_share);
  visit("all.ramp_rows", p.ramp_rows);
  visit("disagg.hand_over_scale", p.hand_over_scale);
  visit("disagg.unlabelled_tokens", p.unlabelled_tokens);
  visit("benchmark.front_s", p.benchmark_front_s);
  visit("benchmark.waves", p.benchmark_waves);
}

double number(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The file is part of the program: a name in it that means nothing is a mistake of the build.
[[noreturn]] void broken(std::string_view what, std::string_view name) {
  std::cerr << "parameters.tsv: " << what << " '" << name << "'\n";
  std::abort();
}

std::vector<fitted_constant> read_constants(std::string_view text) {
  std::vector<fitted_constant> constants;
  bool header = true;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (std::exchange(header, false) || line.empty())
      continue;
    std::array<std::string_view, 6> cells;
    for (auto& cell : cells) {
      const auto tab = std::min(line.find('\t'), line.size());
      cell = line.substr(0, tab);
      line.remove_prefix(std::min(tab + 1, line.size()));
    }
    constants.push_back({std::string{cells[0]}, number(cells[1]), number(cells[2]), number(cells[3]), number(cells[4]),
                         std::string{cells[5]}});
    const auto& c = constants.back();
    if (!(c.value > 0) || !(c.prior > 0) || !(c.spread > 0) || !(c.value <= c.most) || !(c.prior <= c.most))
      broken("not a positive value, prior and spread within its limit:", cells[0]);
  }
  return constants;
}

} // namespace

const std::vector<fitted_constant>& fitted_constants() {
  static const auto constants = read_constants(embedded::parameters_tsv);
  return constants;
}

model_parameters parameters_from(const std::vector<double>& values) {
  model_parameters p;
  const auto& constants = fitted_constants();
  std::size_t used = 0;
  each_parameter(p, [&](const std::string& name, double& value) {
    for (std::size_t i = 0; i < constants.size(); ++i)
      if (constants[i].name == name) {
        value = values.at(i);
        ++used;
        return;
      }
    broken("no line for", name);
  });
  if (used != constants.size())
    broken("a line names no parameter, lines:", std::to_string(constants.size()));
  return p;
}

const model_parameters& committed_parameters() {
  static const auto committed = [] {
    std::vector<double> values;
    for (const auto& constant : fitted_constants())
      values.push_back(constant.value);
    return parameters_from(values);
  }();
  return committed;
}

} // namespace sextant::performance
