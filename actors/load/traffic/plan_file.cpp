// plan_file.cpp: One table of fields for writing and reading.
#include "actors/load/traffic/plan_file.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "config/nearest.hpp"
#include "config/option_values.hpp"

namespace sextant::load {

namespace {

using json = nlohmann::ordered_json;

constexpr int version = 1;
constexpr size_t most_errors = 50;

/// Calls `v(key, member, lowest, highest)` for every number of the head.
template <class Schedule, class Visitor>
void each_limit(Schedule& s, Visitor&& v) {
  constexpr double most_ns = 1e18;
  v("concurrency", s.concurrency, 0, 1e9);
  v("prefill_concurrency", s.prefill_concurrency, 0, 1e9);
  v("warmup_concurrency", s.warmup_concurrency, 0, 1e9);
  v("warmup_prefill_concurrency", s.warmup_prefill_concurrency, 0, 1e9);
  v("concurrency_ramp_ns", s.concurrency_ramp_ns, 0, most_ns);
  v("prefill_ramp_ns", s.prefill_ramp_ns, 0, most_ns);
  v("warmup_ramp_ns", s.warmup_ramp_ns, 0, most_ns);
  v("duration_ns", s.duration_ns, 0, most_ns);
  v("grace_ns", s.grace_ns, -1, most_ns);
  v("warmup_duration_ns", s.warmup_duration_ns, 0, most_ns);
  v("warmup_grace_ns", s.warmup_grace_ns, -1, most_ns);
  v("block_tokens", s.block_tokens, 0, 1e9);
}

/// The same for every number of a request but its index.
template <class Request, class Visitor>
void each_number(Request& r, Visitor&& v) {
  constexpr double most_ns = 1e18;
  v("intended_ns", r.intended_ns, -1, most_ns);
  v("session", r.session, 0, 1e7);
  v("turn", r.turn, 0, 1e6);
  v("delay_ns", r.delay_ns, 0, most_ns);
  v("isl", r.isl, 0, 1e9);
  v("osl", r.osl, 0, 1e9);
  v("prompt", r.prompt, 0, 1.8e19);
  v("prefix", r.prefix, 0, 4e9);
  v("prefix_tokens", r.prefix_tokens, 0, 1e9);
  v("cancel_after_ns", r.cancel_after_ns, -1, most_ns);
}

/// Reads one line's object; what is no key of its table is an error.
class line_reader {
public:
  line_reader(const json& object, const std::string& source, int line, std::vector<document_error>& errors)
      : object_{object}, source_{source}, line_{line}, errors_{errors} {}

  template <class Number>
  void operator()(const char* key, Number& target, double lowest, double highest) {
    known_.emplace_back(key);
    const auto at = object_.find(key);
    if (at == object_.end())
      return;
    const double value = at->is_number_integer() ? at->template get<double>() : lowest - 1;
    if (value < lowest || value > highest)
      return refuse(key, shown(at->dump()), "an integer from " + number_text(lowest) + " to " + number_text(highest));
    target = at->template get<Number>();
  }

  void also(const char* key) { known_.emplace_back(key); }
  void finish() {
    for (const auto& [key, value] : object_.items())
      if (std::find(known_.begin(), known_.end(), key) == known_.end())
        refuse(key, "unknown key", "keys of a plan", nearest_name(key, known_));
  }
  void refuse(const std::string& path, std::string found, std::string accepted, const std::string& nearest = {}) {
    if (errors_.size() < most_errors)
      errors_.push_back({source_, line_, 0, path, std::move(found), std::move(accepted),
                         nearest.empty() ? "" : "did you mean '" + nearest + "'?"});
  }

private:
  const json& object_;
  const std::string& source_;
  const int line_;
  std::vector<document_error>& errors_;
  std::vector<std::string> known_;
};

class plan_reader {
public:
  plan_reader(const std::string& source, std::vector<document_error>& errors) : source_{source}, errors_{errors} {}

  void take(std::string_view text, int line) {
    const auto object = json::parse(text, nullptr, false);
    line_reader in{object, source_, line, errors_};
    const bool is_head = !headed_;
    headed_ = true;
    if (!object.is_object())
      return in.refuse("", shown(text), is_head ? "the head of a plan of --export-plan" : "a JSON object");
    if (is_head)
      return take_head(object, in);
    take_request(object, in);
  }
  bool headed() const { return headed_; }

  traffic_schedule out;

private:
  void take_head(const json& object, line_reader& in) {
    in.also("sextant_plan");
    if (object.value("sextant_plan", json{}) != json(version))
      in.refuse("sextant_plan", "no plan of this version in the first line", std::to_string(version));
    in("seed", out.seed, 0, 1.8e19);
    each_limit(out, in);
    in.finish();
  }

  void take_request(const json& object, line_reader& in) {
    planned_request r;
    r.index = static_cast<uint32_t>(out.requests.size());
    each_number(r, in);
    in.also("phase");
    in.also("block_hashes");
    if (const auto at = object.find("phase"); at != object.end()) {
      if (*at != "warmup" && *at != "profiling")
        in.refuse("phase", shown(at->dump()), "\"warmup\" or \"profiling\"");
      r.phase = *at == "warmup" ? traffic_phase::warmup : traffic_phase::profiling;
    }
    if (!out.requests.empty() && r.phase == traffic_phase::warmup && out.requests.back().phase == traffic_phase::profiling)
      in.refuse("phase", "warm-up behind profiling", "the warm-up first");
    if (const auto at = object.find("block_hashes"); at != object.end()) {
      const auto number = [](const json& x) { return x.is_number_unsigned(); };
      if (at->is_array() && std::all_of(at->begin(), at->end(), number))
        r.block_hashes = at->get<std::vector<uint64_t>>();
      else
        in.refuse("block_hashes", shown(at->dump()), "a list of integers >= 0");
    }
    in.finish();
    out.requests.push_back(std::move(r));
  }

  const std::string& source_;
  std::vector<document_error>& errors_;
  bool headed_ = false;
};

} // namespace

void write_plan(const traffic_schedule& schedule, const std::function<void(std::string_view)>& sink) {
  json head{{"sextant_plan", version}, {"seed", schedule.seed}};
  const auto add_to = [](json& out) {
    return [&out](const char* key, const auto& value, double, double) { out[key] = value; };
  };
  each_limit(schedule, add_to(head));
  sink(head.dump() + '\n');
  json plain;
  const planned_request untouched;
  each_number(untouched, add_to(plain));
  for (const auto& r : schedule.requests) {
    json line;
    if (r.phase == traffic_phase::warmup)
      line["phase"] = "warmup";
    each_number(r, [&](const char* key, const auto& value, double, double) {
      if (plain[key] != json(value))
        line[key] = value;
    });
    if (!r.block_hashes.empty())
      line["block_hashes"] = r.block_hashes;
    sink((line.is_null() ? std::string{"{}"} : line.dump()) + '\n');
  }
}

traffic_schedule read_plan(std::string_view text, const std::string& source, std::vector<document_error>& errors) {
  plan_reader reader{source, errors};
  int line = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++line;
    if (part.find_first_not_of(" \t\r") != std::string_view::npos)
      reader.take(part, line);
  }
  if (!reader.headed())
    errors.push_back({source, 1, 0, "", "an empty file", "a plan of --export-plan", ""});
  return std::move(reader.out);
}

} // namespace sextant::load
