// gpu_telemetry_export.cpp: DCGM's fields under AIPerf's names.
#include "adapters/aiperf/gpu_telemetry_export.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "adapters/aiperf/format.hpp"
#include "messages/point_value.hpp"

namespace sextant {

namespace {

using aiperf::json;

/// One field of DCGM (its field identifiers document the units) and what AIPerf makes of it.
struct telemetry_field {
  const char* dcgm;
  const char* tag;
  const char* header;
  const char* unit;
  double scale = 1;
  bool cumulative = false;
};

constexpr telemetry_field fields[] = {
    {"DCGM_FI_DEV_POWER_USAGE", "nvidia_power_usage", "NVIDIA GPU Power Usage", "W"},
    {"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "nvidia_energy_consumption", "NVIDIA Energy Consumption", "MJ", 1e-9,
     true}, // mJ
    {"DCGM_FI_DEV_GPU_UTIL", "nvidia_gpu_utilization", "NVIDIA GPU Utilization", "%"},
    {"DCGM_FI_DEV_MEM_COPY_UTIL", "nvidia_memory_utilization", "NVIDIA Memory Utilization", "%"},
    {"DCGM_FI_DEV_FB_USED", "nvidia_memory_used", "NVIDIA GPU Memory Used", "GB", 1.048576e-3}, // MiB
    {"DCGM_FI_DEV_GPU_TEMP", "nvidia_temperature", "NVIDIA GPU Temperature", "°C"},
    {"DCGM_FI_PROF_SM_ACTIVE", "nvidia_sm_utilization", "NVIDIA SM Utilization", "%", 100}, // a share
    {"DCGM_FI_DEV_DEC_UTIL", "nvidia_decoder_utilization", "NVIDIA Decoder Utilization", "%"},
    {"DCGM_FI_DEV_ENC_UTIL", "nvidia_encoder_utilization", "NVIDIA Encoder Utilization", "%"},
    {"DCGM_FI_DEV_XID_ERRORS", "nvidia_xid_errors", "NVIDIA XID Errors", "count"},
    {"DCGM_FI_DEV_POWER_VIOLATION", "nvidia_power_violation", "NVIDIA Power Violation", "us", 1e-3, true}, // ns
};

/// One GPU of a page: its series by field, one value per scrape.
struct gpu {
  metric_labels labels;
  std::map<const telemetry_field*, std::vector<double>> series;
};

std::string label(const gpu& g, std::string_view name) {
  const auto found = std::find_if(g.labels.begin(), g.labels.end(), [&](const auto& l) { return l.first == name; });
  return found == g.labels.end() ? "" : found->second;
}

json label_json(const gpu& g, std::string_view name) {
  const auto text = label(g, name);
  return text.empty() ? json(nullptr) : json(text);
}

std::optional<int> index_of(const metric_labels& labels) {
  for (const auto& [name, value] : labels)
    if (int i = 0; name == "gpu" && std::from_chars(value.data(), value.data() + value.size(), i).ec == std::errc{})
      return i;
  return std::nullopt;
}

std::map<int, gpu> gpus_of(const scraped_endpoint& page) {
  std::map<int, gpu> out;
  for (const auto& [key, values] : page.series) {
    const auto& [name, labels] = key;
    const auto index = index_of(labels);
    const auto base = name.ends_with("_total") ? name.substr(0, name.size() - 6) : name;
    const auto* field = std::find_if(std::begin(fields), std::end(fields), [&](const auto& f) { return base == f.dcgm; });
    if (!index || field == std::end(fields))
      continue;
    auto& g = out[*index];
    if (g.labels.empty())
      g.labels = labels;
    auto& series = g.series[field];
    series = values;
    for (auto& x : series)
      x *= field->scale;
  }
  return out;
}

/// Statistics over the scrapes of the phase; nothing if none of them has the field.
std::optional<metric_summary> summary_of(const scraped_endpoint& page, const telemetry_field& field,
                                         const std::vector<double>& values, const telemetry_span& span) {
  std::vector<double> seen;
  for (size_t i = 0; i < std::min(values.size(), page.scrapes.size()); ++i)
    if (const int64_t at = page.scrapes[i].answered_ns; at >= span.begin_ns && at <= span.end_ns && std::isfinite(values[i]))
      seen.push_back(values[i]);
  if (seen.empty())
    return std::nullopt;
  metric_summary m;
  m.tag = field.tag;
  m.header = field.header;
  m.unit = field.unit;
  m.single = field.cumulative;
  if (field.cumulative) {
    m.values.mean = std::max(0.0, seen.back() - seen.front());
  } else {
    m.values = describe_samples(std::move(seen));
    m.sum = m.values.mean * static_cast<double>(m.values.count);
  }
  return m;
}

std::string quoted(const std::string& cell) {
  return cell.find_first_of(",\"\n") == std::string::npos ? cell : aiperf::text_of(json(cell), -1);
}

} // namespace

std::string gpu_telemetry_lines(const std::vector<scraped_endpoint>& pages, int64_t offset_ns) {
  std::string out;
  for (const auto& page : pages) {
    const auto gpus = gpus_of(page);
    for (size_t i = 0; i < page.scrapes.size(); ++i)
      for (const auto& [index, g] : gpus) {
        json line = {{"gpu_index", index},
                     {"gpu_uuid", label(g, "UUID")},
                     {"gpu_model_name", label(g, "modelName")},
                     {"pci_bus_id", label_json(g, "pci_bus_id")},
                     {"device", label_json(g, "device")},
                     {"hostname", label_json(g, "Hostname")},
                     {"namespace", label_json(g, "namespace")},
                     {"pod_name", label_json(g, "pod")},
                     {"platform", "nvidia"},
                     {"timestamp_ns", page.scrapes[i].answered_ns + offset_ns},
                     {"telemetry_source_url", page.url}};
        auto& data = line["telemetry_data"] = json::object();
        for (const auto& [field, values] : g.series)
          if (i < values.size() && std::isfinite(values[i]))
            data[field->tag] = values[i];
        if (!data.empty())
          out += aiperf::text_of(line, -1) + '\n';
      }
  }
  return out;
}

std::string gpu_telemetry_json(const std::vector<scraped_endpoint>& pages, const telemetry_span& span) {
  json configured = json::array(), successful = json::array(), endpoints = json::object(), errors = json::array();
  for (const auto& page : pages) {
    configured.push_back(page.url);
    if (!page.problem.empty())
      errors.push_back(
          json{{"error_details",
                json{{"code", nullptr}, {"type", "TelemetryError"}, {"message", page.url + ": " + page.problem}}},
               {"count", 1}});
    const auto gpus = gpus_of(page);
    if (gpus.empty())
      continue;
    successful.push_back(page.url);
    json of_page = json::object();
    for (const auto& [index, g] : gpus) {
      json metrics = json::object();
      for (const auto& field : fields)
        if (const auto values = g.series.find(&field); values != g.series.end())
          if (const auto m = summary_of(page, field, values->second, span))
            metrics[field.tag] = aiperf::metric_json(*m);
      of_page["gpu_" + std::to_string(index)] =
          json{{"gpu_index", index},   {"gpu_name", label(g, "modelName")},     {"gpu_uuid", label(g, "UUID")},
               {"platform", "nvidia"}, {"hostname", label_json(g, "Hostname")}, {"metrics", std::move(metrics)}};
    }
    endpoints[page.url] = json{{"gpus", std::move(of_page)}};
  }
  const json out{{"summary", json{{"endpoints_configured", configured},
                                  {"endpoints_successful", successful},
                                  {"start_time", aiperf::iso_time(span.begin_ns + span.offset_ns)},
                                  {"end_time", aiperf::iso_time(span.end_ns + span.offset_ns)}}},
                 {"endpoints", endpoints},
                 {"error_summary", errors}};
  return aiperf::text_of(out, -1);
}

std::string gpu_telemetry_table(const std::vector<scraped_endpoint>& pages, const telemetry_span& span) {
  auto head = aiperf::table_head();
  std::string out = "\n\nEndpoint,GPU_Index,GPU_Name,GPU_UUID,Platform," + head;
  for (const auto& page : pages)
    for (const auto& [index, g] : gpus_of(page))
      for (const auto& field : fields) {
        const auto values = g.series.find(&field);
        const auto m = values == g.series.end() ? std::nullopt : summary_of(page, field, values->second, span);
        if (!m)
          continue;
        out += page.url + ',' + std::to_string(index) + ',' + quoted(label(g, "modelName")) + ',' + quoted(label(g, "UUID"))
               + ",nvidia," + m->header + " (" + m->unit + ')';
        out += m->single ? ',' + aiperf::two_decimals(m->values.mean) + std::string(13, ',') + '\n'
                         : aiperf::table_cells(m->values);
      }
  return out;
}

} // namespace sextant
