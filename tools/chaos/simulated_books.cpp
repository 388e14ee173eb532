// simulated_books.cpp: What is seen of a run from outside, and what it is held against.
#include "tools/chaos/simulated_world.hpp"

namespace sextant::chaos {

namespace {

submit_request small_request(int gpus) {
  submit_request x;
  x.document = "apiVersion: nvidia.com/v1alpha1\n"
               "kind: DynamoGraphDeploymentRequest\n"
               "metadata: {name: small}\n"
               "spec:\n"
               "  model: Qwen/Qwen3-32B\n"
               "  backend: vllm\n"
               "  profilingConfig:\n"
               "    profilerImage: registry/profiler:1\n"
               "    config:\n"
               "      sla: {isl: 3000, osl: 100, ttft: 300, itl: 20}\n"
               "      hardware: {minNumGpusPerEngine: 1, maxNumGpusPerEngine: 4, gpuType: h200_sxm}\n"
               "      sweep: {prefillInterpolationGranularity: 6, decodeInterpolationGranularity: 3}\n"
               "      engine: {maxContextLength: 8192}\n";
  x.options = {{"simulation", "virtual"}, {"policy", "exhaustive"}, {"gpus", std::to_string(gpus)}};
  x.source = "small.yaml";
  return x;
}

std::string choice(const profile_result& r) {
  return r.prefill.layout.label() + " " + r.decode.layout.label() + " n=" + std::to_string(r.decode.concurrency)
         + (r.feasible ? " feasible" : " infeasible") + " curve " + std::to_string(r.prefill_curve.size()) + " grid "
         + std::to_string(r.decode_grid.size());
}

} // namespace

void simulated_world::submit(const std::string& id) {
  const subjects names;
  const auto text = encode_message("submit", id, small_request(settings_.agents * settings_.gpus_per_agent));
  person_->request(names.request_submit(), text, std::chrono::seconds{2},
                   [this, id](std::optional<bus_message> answer, const std::string&) {
                     std::vector<codec_error> errors;
                     const auto e = answer ? decode_envelope(answer->body, errors) : std::nullopt;
                     if (e && e->kind == message_kind<request_accepted>::value)
                       requests_[id].accepted = true;
                     else if (e)
                       violation(id + ": was not accepted: " + e->body);
                     else
                       network_.at(network_.now() + std::chrono::milliseconds{300}, [this, id] { submit(id); });
                   });
  requests_[id];
}

void simulated_world::watch() {
  const subjects names;
  watching_.push_back(person_->follow(
      names.result_stream(), names.all_results(), 1, [this](const bus_message& m) { take_result(m); }, [] {}));
  watching_.push_back(person_->follow(
      names.event_stream(), names.prefix() + ".event.*", 1, [this](const bus_message& m) { take_event(m); }, [] {}));
}

void simulated_world::take_result(const bus_message& message) {
  std::vector<codec_error> errors;
  const auto e = decode_envelope(message.body, errors);
  const auto point = e ? message_as<point_measured>(*e) : std::nullopt;
  if (settings_.trace && e)
    out_.trace.push_back(std::to_string(seconds()) + " result " + e->request + " " + e->kind + " " + e->body.substr(0, 90));
  if (!point)
    return;
  ++out_.points;
  if (point->valid)
    requests_[e->request].measured.try_emplace(point->plan.point, seconds());
}

void simulated_world::take_event(const bus_message& message) {
  std::vector<codec_error> errors;
  const auto e = decode_envelope(message.body, errors);
  if (!e)
    return violation("an event is unreadable");
  auto& seen = requests_[e->request];
  if (settings_.trace) {
    const auto p = message_as<progress>(*e);
    out_.trace.push_back(std::to_string(seconds()) + " event " + e->request + " " + e->id + " " + (p ? p->text : e->kind));
  }
  std::string end;
  if (const auto finished = message_as<profile_finished>(*e))
    end = choice(finished->result);
  else if (const auto failed = message_as<profile_failed>(*e))
    end = std::string{"failed: "} + std::string{to_text(failed->error.cause)} + ": " + failed->error.detail;
  else {
    if (!seen.ends.empty())
      violation(e->request + ": told of something after its end: " + e->kind + " " + e->id);
    return;
  }
  if (!seen.ends.empty())
    violation(e->request + ": ended twice: " + end);
  seen.ends.emplace(e->id, end);
}

bool simulated_world::all_ended() const {
  return std::all_of(requests_.begin(), requests_.end(), [](const auto& r) { return !r.second.ends.empty(); });
}

void simulated_world::settle_books(const std::vector<std::string>& calm) {
  size_t i = 0;
  for (const auto& [id, seen] : requests_) {
    out_.answers.push_back(seen.ends.empty() ? "no end" : seen.ends.begin()->second);
    if (seen.ends.empty())
      violation(id + ": did not come to an end");
    else if (i < calm.size() && out_.answers.back() != calm[i])
      violation(id + ": the answer is " + out_.answers.back() + ", without faults " + calm[i]);
    ++i;
  }
  for (const auto& [name, node] : books_) {
    if (node.most_in_use > node.gpus)
      violation(name + ": " + std::to_string(node.most_in_use) + " of its " + std::to_string(node.gpus)
                + " GPUs were in use");
    if (node.in_use > 0)
      violation(name + ": " + std::to_string(node.in_use) + " GPUs are still in use at the end");
  }
  for (const auto& [name, p] : processes_)
    if (p && p->gave_up())
      violation(name + " gave up");
}

void simulated_world::violation(const std::string& what) {
  out_.violations.push_back(std::to_string(seconds()).substr(0, 6) + " s: " + what);
}

} // namespace sextant::chaos
