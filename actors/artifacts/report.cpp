// report.cpp: The page: answer, what to do with it, candidates, curves, failures, how it was measured.
#include "actors/artifacts/report.hpp"

#include <algorithm>
#include <cmath>

#include "actors/artifacts/charts.hpp"
#include "actors/artifacts/estimated.hpp"
#include "actors/artifacts/html.hpp"
#include "actors/artifacts/measured.hpp"
#include "actors/artifacts/places.hpp"
#include "actors/artifacts/report_parts.hpp"

namespace sextant {

namespace {

using html::cell;
using html::escaped;
using html::number;

std::string engine_text(const mapping& layout) {
  return layout.label() + " on " + std::to_string(layout.gpus) + " GPU" + (layout.gpus == 1 ? "" : "s");
}

std::string head(const profile_request& request, const profile_result& result, const report_extras& extras) {
  std::string out = "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
                    "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>Sextant: "
                    + escaped(request.model.name) + "</title>\n<style>" + std::string{html::style()}
                    + "</style>\n</head>\n<body><main>\n";
  out += "<h1>" + escaped(request.model.name) + " on " + escaped(request.gpu.name) + " with "
         + escaped(to_text(request.backend)) + "</h1>\n";
  out += "<p class=sub>Request " + escaped(request.name.empty() ? request.id : request.name) + " · "
         + number(request.sla.isl) + " input and " + number(request.sla.osl) + " output tokens · target TTFT "
         + number(request.sla.ttft_ms, 1) + " ms, ITL " + number(request.sla.itl_ms, 1) + " ms · written "
         + escaped(extras.written_at);
  if (result.simulated)
    out += " · <span class=\"tag bad\">simulated engines</span>";
  if (result.estimated)
    out += " · <span class=\"tag bad\">estimated, nothing was measured</span>";
  return out + "</p>\n";
}

std::string verdict(const profile_request& request, const profile_result& result) {
  const bool picked = !result.prefill.engine.empty() && !result.decode.engine.empty();
  std::string out =
      result.feasible ? "<div class=\"verdict good\"><b>✓ The target is met</b>\n" : "<div class=\"verdict bad\"><b>✗ ";
  if (result.feasible) {
    const double hours =
        gpu_hours_per_1000(request.sla, result.prefill.throughput_per_gpu, result.decode.throughput_per_gpu);
    if (!result.deployments.empty()) {
      const auto& pick = result.deployments.front();
      out += "<p>Of all deployments <strong>" + escaped(pick.label) + "</strong> with "
             + number(std::round(pick.concurrency), 0) + " requests in flight: " + escaped(pick.note)
             + ". For a planner, which sets the replicas by itself, the best pair of engines:</p>\n";
    }
    out += "<p>Prefill with <strong>" + escaped(engine_text(result.prefill.layout)) + "</strong>, decode with <strong>"
           + escaped(engine_text(result.decode.layout)) + "</strong>. 1000 requests take " + number(hours, 3)
           + " GPU-hours ($" + number(hours * gpu_cost_per_hour, 2) + " at $" + number(gpu_cost_per_hour, 1)
           + " per GPU-hour).</p>";
    return out + "</div>\n";
  }
  out += picked ? "The target is not met</b>\n" : "There is no answer</b>\n";
  if (!result.binding_constraint.empty())
    out += "<p>What cannot be met: <strong>" + escaped(result.binding_constraint) + "</strong>.</p>";
  for (const auto* pick : {&result.prefill, &result.decode})
    if (!pick->message.empty())
      out += "<p>" + escaped(pick->message) + ".</p>";
  if (picked && result.achievable.ttft_ms > 0 && result.achievable.itl_ms > 0)
    out += "<p>The nearest engines would meet <strong>TTFT " + number(result.achievable.ttft_ms, 1) + " ms and ITL "
           + number(result.achievable.itl_ms, 1) + " ms</strong>. They are what the files below describe.</p>";
  return out + "</div>\n";
}

std::string pick_card(const selected_engine& pick, std::string_view role, std::string_view latency, double target_ms,
                      bool estimated) {
  std::string out = "<div class=card><h3>" + std::string{role} + "</h3>\n";
  if (pick.engine.empty())
    return out + "<p class=none>nothing could be measured</p></div>\n";
  out += "<div class=big>" + escaped(engine_text(pick.layout)) + " <span class=\"tag "
         + (pick.meets_target ? "good\">meets" : "bad\">misses") + " the target</span></div>\n";
  // The bar ends at twice the target, so that the target stands in its middle.
  const double share = target_ms > 0 ? std::min(pick.value_ms / target_ms / 2, 1.0) : 0;
  out += "<div class=\"bar " + std::string{pick.meets_target ? "good" : "bad"}
         + "\"><i style=\"width:" + number(share * 100, 1) + "%\"></i><u style=\"left:50%\"></u></div>\n<dl>";
  const auto row = [&out](std::string_view name, const std::string& value) {
    out += "<dt>" + std::string{name} + "</dt><dd>" + value + "</dd>";
  };
  row(latency, "<strong>" + number(pick.value_ms, 2) + " ms</strong> (target " + number(target_ms, 1) + " ms)");
  if (pick.value_high_ms > pick.value_low_ms)
    row(estimated ? "Band of the estimate" : "95 % interval",
        number(pick.value_low_ms, 2) + " to " + number(pick.value_high_ms, 2) + " ms");
  row("Throughput", number(pick.throughput_per_gpu, 1) + " tokens/s/GPU");
  if (role == "Decode")
    row("Requests in flight", number(pick.concurrency));
  if (pick.kv_tokens > 0)
    row("KV capacity", number(static_cast<double>(pick.kv_tokens)) + " tokens");
  return out + "</dl></div>\n";
}

std::string commands(const profile_request& request, const profile_result& result) {
  if (result.prefill.engine.empty() || result.decode.engine.empty())
    return {};
  const std::string place = request.kubernetes_namespace.empty() ? "" : " -n " + request.kubernetes_namespace;
  std::string out = "<h2>Use it</h2>\n";
  if (!result.deployments.empty() && result.deployments.front().serving == serving_mode::aggregated)
    out += "<p class=sub>The deployment that was picked, as it is:</p>\n<pre>"
           + escaped("kubectl apply" + place + " -f " + std::string{picked_deployment_file})
           + "</pre>\n<p class=sub>The pair of engines, with a planner:</p>\n";
  return out + "<pre>"
         + escaped("kubectl apply" + place + " -f "
                   + (request.use_mocker ? "mocker_config_with_planner.yaml" : "config_with_planner.yaml"))
         + "</pre>\n<p class=sub>Another target, from the stored measurements, without any engine:</p>\n<pre>"
         + escaped("sextant pick . --ttft " + number(std::ceil(std::max(result.achievable.ttft_ms, request.sla.ttft_ms)))
                   + " --itl " + number(std::ceil(std::max(result.achievable.itl_ms, request.sla.itl_ms))))
         + "</pre>\n";
}

std::string picture(const report_extras& extras, const std::string& file, std::string_view caption) {
  const auto found = extras.pictures.find(file);
  if (found == extras.pictures.end())
    return {};
  return "<figure><img alt=\"" + escaped(caption) + "\" src=\"data:image/png;base64," + html::base64(found->second)
         + "\"></figure>\n";
}

std::string pictures(const report_extras& extras) {
  if (extras.pictures.empty())
    return {};
  const std::string prefill = "selected_prefill_interpolation/", decode = "selected_decode_interpolation/";
  std::string out = "<h2>Candidates against the target</h2>\n<div class=plots>\n";
  out += picture(extras, "prefill_performance.png", "Prefill performance of all candidates");
  out += picture(extras, "decode_performance.png", "Decode performance of all candidates");
  out += picture(extras, "cost_sla.png", "Cost under different targets");
  out += "</div>\n<h2>Curves of the chosen engines</h2>\n<div class=plots>\n";
  out += picture(extras, prefill + "prefill_ttft_interpolation.png", "Time to first token over input length");
  out += picture(extras, prefill + "prefill_throughput_interpolation.png", "Prefill throughput over input length");
  out += picture(extras, decode + "decode_itl_interpolation.png", "Inter-token latency over KV usage and context");
  out += picture(extras, decode + "decode_throughput_interpolation.png", "Decode throughput over KV usage and context");
  return out + "</div>\n";
}

} // namespace

std::string report_html(const profile_request& request, const profile_result& result,
                        const std::vector<point_measured>& points, const report_extras& extras) {
  auto out = head(request, result, extras);
  out += verdict(request, result);
  out += "<div class=cards>\n" + pick_card(result.prefill, "Prefill", "TTFT", request.sla.ttft_ms, result.estimated)
         + pick_card(result.decode, "Decode", "ITL", request.sla.itl_ms, result.estimated) + "</div>\n";
  out += commands(request, result);
  if (!result.deployments.empty())
    out += report_deployments(result) + picture(extras, "pareto_frontier.png", "Tokens/s/GPU over tokens/s/user");
  out += report_confirmations(result);
  out += report_alternatives(result);
  out += pictures(extras);
  out += report_candidates(result, points);
  out += report_failures(result, points);
  out += report_method(request, result, points, extras.remarks);
  out += "<h2>Details</h2>\n" + report_predictions(result) + report_points(points);
  if (!extras.deployment.empty())
    out += html::folded("The deployment (config_with_planner.yaml)", "<pre>" + escaped(extras.deployment) + "</pre>\n");
  return out + "</main></body>\n</html>\n";
}

} // namespace sextant
