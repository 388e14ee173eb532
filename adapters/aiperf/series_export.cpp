// series_export.cpp: Statistics over runs, and runs cut into slices.
#include "adapters/aiperf/series_export.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "adapters/aiperf/format.hpp"
#include "messages/run_metrics.hpp"
#include "messages/special_functions.hpp"

namespace sextant {

namespace {

using aiperf::json;

/// The statistics of a metric: all of a distribution, or `avg` alone.
std::vector<std::pair<const char*, double>> statistics_of(const metric_summary& m) {
  if (m.single)
    return {{"avg", m.values.mean}};
  return aiperf::statistics(m.values);
}

repeated_value describe_runs(const std::string& name, const std::string& unit, const std::vector<double>& x,
                             double confidence) {
  repeated_value out{name, unit};
  const auto n = static_cast<double>(x.size());
  for (const double value : x)
    out.mean += value / n;
  double squares = 0;
  for (const double value : x)
    squares += (value - out.mean) * (value - out.mean);
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  out.min = *low;
  out.max = *high;
  if (x.size() > 1) {
    out.std = std::sqrt(squares / (n - 1));
    out.t_critical = student_t_quantile(0.5 + confidence / 2, n - 1);
  }
  out.cv = out.mean != 0 ? out.std / std::fabs(out.mean) : 0;
  out.se = out.std / std::sqrt(n);
  out.low = out.mean - out.t_critical * out.se;
  out.high = out.mean + out.t_critical * out.se;
  return out;
}

std::string csv_number(double x, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, x);
  return text;
}

} // namespace

std::vector<repeated_value> over_runs(const std::vector<load_summary>& runs, double confidence) {
  std::map<std::string, std::pair<std::string, std::vector<double>>> values;
  for (const auto& run : runs)
    for (const auto& m : run.metrics)
      for (const auto& [statistic, value] : statistics_of(m)) {
        auto& [unit, series] = values[m.tag + '_' + statistic];
        unit = m.unit;
        series.push_back(value);
      }
  std::vector<repeated_value> out;
  for (const auto& [name, found] : values)
    if (found.second.size() == runs.size())
      out.push_back(describe_runs(name, found.first, found.second, confidence));
  return out;
}

std::string aggregate_json(const std::vector<load_summary>& runs, size_t planned, double confidence) {
  json out{{"schema_version", "1.0"}, {"aiperf_version", aiperf::imitated_version}};
  out["metadata"] = {{"aggregation_type", "confidence"},
                     {"num_profile_runs", planned},
                     {"num_successful_runs", runs.size()},
                     {"failed_runs", json::array()},
                     {"confidence_level", confidence}};
  out["metrics"] = json::object();
  for (const auto& v : over_runs(runs, confidence))
    out["metrics"][v.name] = {{"mean", v.mean},  {"std", v.std},      {"min", v.min},
                              {"max", v.max},    {"cv", v.cv},        {"se", v.se},
                              {"ci_low", v.low}, {"ci_high", v.high}, {"t_critical", v.t_critical},
                              {"unit", v.unit}};
  return aiperf::text_of(out, 2) + '\n';
}

std::string aggregate_csv(const std::vector<load_summary>& runs, size_t planned, double confidence) {
  std::string out = "metric,mean,std,min,max,cv,se,ci_low,ci_high,t_critical,unit\n";
  for (const auto& v : over_runs(runs, confidence)) {
    out += v.name;
    for (const auto& [value, decimals] : std::initializer_list<std::pair<double, int>>{{v.mean, 2},
                                                                                       {v.std, 2},
                                                                                       {v.min, 2},
                                                                                       {v.max, 2},
                                                                                       {v.cv, 4},
                                                                                       {v.se, 4},
                                                                                       {v.low, 2},
                                                                                       {v.high, 2},
                                                                                       {v.t_critical, 4}})
      out += ',' + csv_number(value, decimals);
    out += ',' + v.unit + '\n';
  }
  return out + "\nAggregation Type,confidence\nTotal Runs," + std::to_string(planned) + "\nSuccessful Runs,"
         + std::to_string(runs.size()) + "\nConfidence Level," + csv_number(confidence, 4) + '\n';
}

std::vector<load_slice> slice_load(const load_records& records, int64_t slice_ns) {
  std::vector<load_slice> out;
  const auto valid = valid_in_order(records.requests);
  if (valid.empty() || slice_ns <= 0)
    return out;
  int64_t first = valid.front()->sent_ns, last = first;
  for (const auto* r : valid) {
    first = std::min(first, r->sent_ns);
    last = std::max(last, r->sent_ns);
  }
  const auto span = span_of(metric_profile::aiperf, records.requests);
  std::vector<load_records> parts(static_cast<size_t>((last - first) / slice_ns) + 1);
  for (const auto& r : records.requests)
    if (r.sent_ns >= first && r.sent_ns <= last)
      parts[static_cast<size_t>((r.sent_ns - first) / slice_ns)].requests.push_back(r);
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i].facts.streaming = records.facts.streaming;
    parts[i].facts.endpoint_type = records.facts.endpoint_type;
    parts[i].facts.osl = records.facts.osl;
    const int64_t begin = first + static_cast<int64_t>(i) * slice_ns;
    out.push_back(
        {begin, begin + slice_ns, begin + slice_ns <= span.end_ns, plain_summary(parts[i], metric_profile::aiperf)});
  }
  return out;
}

std::string slices_json(const load_facts& facts, const std::vector<load_slice>& slices) {
  json out;
  out["timeslices"] = json::array();
  for (const auto& s : slices) {
    json entry{{"start_ns", facts.started_unix_ns + s.begin_ns},
               {"end_ns", facts.started_unix_ns + s.end_ns},
               {"is_complete", s.complete}};
    for (const auto& m : s.summary.metrics)
      entry[m.tag] = aiperf::metric_json(m);
    out["timeslices"].push_back(std::move(entry));
  }
  return aiperf::text_of(out, 2) + '\n';
}

std::string slices_csv(const load_facts& facts, const std::vector<load_slice>& slices) {
  std::string out = "Timeslice,Start_NS,End_NS,Metric,Unit,Stat,Value\n";
  for (size_t i = 0; i < slices.size(); ++i) {
    const auto& s = slices[i];
    const auto place = std::to_string(i) + ',' + std::to_string(facts.started_unix_ns + s.begin_ns) + ','
                       + std::to_string(facts.started_unix_ns + s.end_ns) + ',';
    auto metrics = s.summary.metrics;
    std::sort(metrics.begin(), metrics.end(), [](const auto& a, const auto& b) { return a.tag < b.tag; });
    for (const auto& m : metrics)
      for (const auto& [name, value] : statistics_of(m))
        out += place + m.header + ',' + m.unit + ',' + name + ',' + csv_number(value, 2) + '\n';
  }
  return out;
}

} // namespace sextant
