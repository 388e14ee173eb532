// load_judging.cpp: Names of metrics are checked against the definitions; the rule is asked in growing steps.
#include "tools/sextant/load_judging.hpp"

#include <algorithm>
#include <iterator>

#include "config/nearest.hpp"
#include "messages/request_metrics.hpp"

namespace sextant {

namespace {

std::vector<std::string> tags_of(metric_profile profile) {
  std::vector<std::string> out;
  for (const auto& m : request_metrics(profile))
    out.emplace_back(m.tag);
  return out;
}

void check_tag(const std::string& flag, const std::string& metric, const std::vector<std::string>& known,
               std::vector<document_error>& errors) {
  if (std::find(known.begin(), known.end(), metric) != known.end())
    return;
  const auto nearest = nearest_name(metric, known);
  errors.push_back({flag, 0, 0, "", "\"" + metric + "\"", "a metric of single requests of the --metric-profile",
                    nearest.empty() ? "" : "did you mean '" + nearest + "'?"});
}

statistics::stop_wishes wishes_of(const load_analysis& analysis) {
  statistics::stop_wishes w;
  w.precision = analysis.stop_precision;
  w.tail_precision = analysis.stop_tail_precision;
  w.verdicts = analysis.stop_on_sla;
  return w;
}

} // namespace

metric_profile metric_profile_of(const std::string& name) {
  for (const auto& [value, text] : enum_names<metric_profile>::values)
    if (text == name)
      return value;
  return metric_profile::aiperf;
}

statistics::summary_options judging_options(const load_options& options, const load_analysis& analysis,
                                            std::vector<document_error>& errors) {
  statistics::summary_options out;
  out.profile = metric_profile_of(options.metric_profile);
  out.confidence = options.confidence;
  const auto known = tags_of(out.profile);
  for (size_t i = 0; i < analysis.goodput.size(); ++i) {
    out.goodput.emplace_back();
    for (const auto& [metric, limit] : analysis.goodput[i]) {
      check_tag(i == 0 ? "--goodput" : "--goodput-set", metric, known, errors);
      out.goodput.back().push_back({metric, limit});
    }
  }
  for (const auto& sla : analysis.slas) {
    check_tag("--sla", sla.metric, known, errors);
    out.limits.push_back({{sla.metric, sla.limit}, sla.quantile});
  }
  return out;
}

stop_watcher::stop_watcher(const load_analysis& analysis, statistics::summary_options options, load_facts facts)
    : active_{analysis.stops()}, wishes_{wishes_of(analysis)}, options_{std::move(options)} {
  seen_.facts = std::move(facts);
}

void stop_watcher::take(const request_record& record) {
  const std::lock_guard guard{mutex_};
  fresh_.push_back(record);
}

bool stop_watcher::enough() {
  if (!active_)
    return false;
  {
    const std::lock_guard guard{mutex_};
    std::move(fresh_.begin(), fresh_.end(), std::back_inserter(seen_.requests));
    fresh_.clear();
  }
  if (seen_.requests.empty() || seen_.requests.size() < ask_at_)
    return false;
  const auto answer = statistics::next_batch(seen_, options_, wishes_);
  ask_at_ = answer.ask_again_at;
  reason_ = answer.reason;
  return answer.step != statistics::next_step::go_on;
}

} // namespace sextant
