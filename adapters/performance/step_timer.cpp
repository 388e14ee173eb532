// step_timer.cpp: Puts the ops of a step together: rows of each, branches that overlap, host time, padding, stages.
#include "adapters/performance/step_timer.hpp"

#include <algorithm>
#include <array>

#include "adapters/performance/op_lists.hpp"
#include "adapters/performance/smooth_max.hpp"

namespace sextant::performance {

namespace {

constexpr std::size_t most_overlaps = 16;

/// Sum of times; of branches that run beside each other (groups above 0) the slower counts.
class overlaps {
public:
  void add(int group, int branch, double seconds) {
    if (group == 0) {
      alone_ += seconds;
      return;
    }
    for (std::size_t i = 0; i < used_; ++i)
      if (groups_[i].id == group) {
        groups_[i].branch[branch & 1] += seconds;
        return;
      }
    if (used_ == most_overlaps) { // more than any model has: one after the other
      alone_ += seconds;
      return;
    }
    groups_[used_] = {group, {}};
    groups_[used_++].branch[branch & 1] = seconds;
  }
  double seconds() const {
    double sum = alone_;
    for (std::size_t i = 0; i < used_; ++i)
      sum += std::max(groups_[i].branch[0], groups_[i].branch[1]);
    return sum;
  }
  bool hides(int group, int branch) const {
    for (std::size_t i = 0; i < used_; ++i)
      if (groups_[i].id == group)
        return groups_[i].branch[branch & 1] < groups_[i].branch[1 - (branch & 1)];
    return false;
  }

private:
  struct entry {
    int id = 0;
    std::array<double, 2> branch{};
  };
  std::array<entry, most_overlaps> groups_{};
  std::size_t used_ = 0;
  double alone_ = 0;
};

/// Keeps of ops that stand for each other the module if it was measured, else its parts.
std::vector<op> chosen(std::vector<op> ops, const op_timer& timer) {
  const auto probe = [](const op& x) {
    return x.rows == op_rows::prefill ? load_of(1, 1024, 0, 1, 0, 0) : load_of(0, 0, 0, 0, 16, 2048);
  };
  std::vector<int> measured;
  for (const auto& x : ops)
    if (x.choice_group > 0 && x.branch == 0 && timer.time(x, probe(x)).tier == time_tier::measured)
      measured.push_back(x.choice_group);
  std::erase_if(ops, [&](const op& x) {
    const bool has_module = std::find(measured.begin(), measured.end(), x.choice_group) != measured.end();
    return x.choice_group > 0 && (x.branch == 0) != has_module;
  });
  for (auto& x : ops)
    if (x.choice_group > 0)
      x.branch = 0;
  std::erase_if(ops, [](const op& x) { return x.count <= 0; });
  return ops;
}

op_load only_prefill(const op_load& load) {
  op_load part = load;
  part.decode_requests = part.decode_context = 0;
  part.tokens = load.prefill_tokens;
  part.sequences = std::max(0.0, load.sequences - load.decode_requests);
  return part;
}

op_load only_decode(const op_load& load) {
  return load_of(0, 0, 0, 0, load.decode_requests, load.decode_context);
}

} // namespace

step_parameters default_parameters(backend_kind backend) {
  step_parameters p;
  const auto up_to = [&](int first, int step, int last) {
    for (int size = first; size <= last; size += step)
      p.graph_batches.push_back(size);
  };
  switch (backend) {
    case backend_kind::vllm: // 1, 2, 4, then every 8 up to 256, every 16 up to 512
      p.host_s = 0.60e-3, p.host_sequence_s = 1.5e-6, p.prompt_layer_s = 0.15e-3;
      p.graph_batches = {1, 2, 4};
      up_to(8, 8, 256);
      up_to(272, 16, 512);
      break;
    case backend_kind::sglang: // 1, 2, 4, then every 8 up to 256
      p.host_s = 0.45e-3, p.host_sequence_s = 1.0e-6, p.prompt_layer_s = 0.15e-3;
      p.graph_batches = {1, 2, 4};
      up_to(8, 8, 256);
      break;
    case backend_kind::trtllm: // every 1 up to 32, then 64 and 128
      p.host_s = 0.30e-3, p.host_sequence_s = 0.8e-6, p.prompt_layer_s = 0.15e-3;
      up_to(1, 1, 32);
      p.graph_batches.push_back(64);
      p.graph_batches.push_back(128);
      break;
  }
  return p;
}

op_load load_of(double prefill_requests, double prefill_tokens, double prefill_context, double finished,
                double decode_requests, double decode_context) {
  op_load load;
  load.tokens = prefill_tokens + decode_requests;
  load.sequences = finished + decode_requests;
  load.prefill_requests = prefill_requests;
  load.prefill_tokens = prefill_tokens;
  load.prefill_context = prefill_context;
  load.decode_requests = decode_requests;
  load.decode_context = decode_context;
  return load;
}

step_timer::step_timer(const engine_spec& engine, std::shared_ptr<const op_timer> timer, step_parameters parameters)
    : timer_{std::move(timer)}, parameters_{std::move(parameters)}, layers_{engine.model.layers}, stages_{std::max(
                                                                                                      1, engine.layout.pp)} {
  auto lists = list_ops(engine);
  prefill_ = chosen(std::move(lists.prefill), *timer_);
  decode_ = chosen(std::move(lists.decode), *timer_);
}

template <class Sum, class Visit>
void step_timer::add_rows(const std::vector<op>& ops, op_rows rows, const op_load& load, Sum& sum, Visit&& visit) const {
  for (const auto& x : ops) {
    if (x.rows != rows)
      continue;
    const auto time = timer_->time(x, load);
    const double seconds = time.seconds * x.count;
    visit(x, time, seconds);
    sum.add(x.overlap_group, x.branch, seconds);
  }
}

template <class Visit>
double step_timer::walk(const op_load& load, Visit&& visit) const {
  overlaps sum;
  const bool prompts = load.prefill_tokens > 0;
  add_rows(prompts ? prefill_ : decode_, op_rows::all, load, sum, visit);
  if (prompts)
    add_rows(prefill_, op_rows::prefill, only_prefill(load), sum, visit);
  if (load.decode_requests > 0)
    add_rows(decode_, op_rows::decode, only_decode(load), sum, visit);
  return sum.seconds();
}

double step_timer::rows_seconds(bool prompts, op_rows rows, const op_load& load) const {
  overlaps sum;
  add_rows(prompts ? prefill_ : decode_, rows, load, sum, [](const op&, const op_time&, double) {});
  return sum.seconds();
}

double step_timer::padded(double decode_requests) const {
  const auto& sizes = parameters_.graph_batches;
  const auto next = std::lower_bound(sizes.begin(), sizes.end(), decode_requests);
  return next == sizes.end() ? decode_requests : *next;
}

op_load step_timer::scheduled(const op_load& load) const {
  op_load part = load;
  const double requests = load.prefill_requests + load.decode_requests;
  if (const double batches = std::min<double>(stages_, std::max(1.0, requests)); batches > 1) {
    part.tokens /= batches;
    part.sequences /= batches;
    part.prefill_requests /= batches;
    part.prefill_tokens /= batches;
    part.prefill_context /= batches;
    part.decode_requests /= batches;
  }
  if (part.prefill_tokens <= 0) // captured graphs: the rows are padded, attention skips the padding
    part.tokens = part.sequences = padded(part.decode_requests);
  return part;
}

double step_timer::kernel_seconds(const op_load& load) const {
  return walk(load, [](const op&, const op_time&, double) {}) * parameters_.kernel_scale;
}

double step_timer::host_seconds(const op_load& load) const {
  return parameters_.host_s + parameters_.host_sequence_s * (load.prefill_requests + load.decode_requests);
}

double step_timer::launch_seconds(const op_load& load) const {
  return load.prefill_tokens > 0 ? parameters_.prompt_layer_s * layers_ / stages_ : 0;
}

double step_timer::seconds(const op_load& load) const {
  if (load.tokens <= 0)
    return parameters_.host_s;
  return host_seconds(load) + smooth_max(launch_seconds(load), kernel_seconds(scheduled(load)));
}

step_breakdown step_timer::breakdown(const op_load& load) const {
  step_breakdown result;
  const auto part = scheduled(load);
  overlaps beside;
  std::vector<std::pair<int, int>> branches;
  double measured = 0, all = 0, error = 0;
  const double kernels = walk(part, [&](const op& x, const op_time& time, double seconds) {
    op_share share;
    share.name = x.layer_kind.empty() ? std::string{x.name} : std::string{x.layer_kind} + "_" + std::string{x.name};
    share.count = x.count;
    share.seconds = seconds * parameters_.kernel_scale;
    share.tier = time.tier;
    share.source = timer_->source(time.source);
    share.error = time.error;
    result.ops.push_back(std::move(share));
    branches.emplace_back(x.overlap_group, x.branch);
    beside.add(x.overlap_group, x.branch, seconds);
    all += seconds;
    error += seconds * time.error;
    measured += time.tier == time_tier::measured ? seconds : 0;
  });
  for (std::size_t i = 0; i < branches.size(); ++i)
    result.ops[i].hidden = branches[i].first > 0 && beside.hides(branches[i].first, branches[i].second);
  const double on_device = kernels * parameters_.kernel_scale;
  result.seconds = host_seconds(load) + smooth_max(launch_seconds(load), on_device);
  result.host_seconds = result.seconds - on_device;
  result.measured_share = all > 0 ? measured / all : 0;
  result.error = all > 0 ? error / all : 0;
  return result;
}

} // namespace sextant::performance
