// estimate_text.cpp: The answer of an estimate as text.
#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "actors/search/estimating/front.hpp"
#include "tools/sextant/estimate.hpp"

namespace sextant {

namespace {

using estimating::goal;
using estimating::picking;

constexpr size_t runners_up = 5;
constexpr size_t front_rows = 16;
constexpr int picture_columns = 72, picture_rows = 14;

[[gnu::format(printf, 1, 2)]] std::string formatted(const char* format, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

std::string target_text(const goal& wanted) {
  if (wanted.how == picking::throughput || wanted.how == picking::latency)
    return "no target, optimised for " + name_of(wanted.how);
  std::string text = wanted.latency_ms > 0 ? formatted("request latency <= %g ms", wanted.latency_ms)
                                           : formatted("TTFT <= %g ms, TPOT <= %g ms", wanted.ttft_ms, wanted.tpot_ms);
  if (wanted.how == picking::load_match)
    text += wanted.concurrency > 0 ? formatted(", load %g in flight", wanted.concurrency)
                                   : formatted(", load %g requests/s", wanted.requests_per_s);
  return text;
}

std::string head(const estimated_answer& answer) {
  const auto& request = answer.request;
  return formatted("%s on %s with %s: ISL %d, OSL %d, %d GPUs, %s\n", request.model.name.c_str(), request.gpu.name.c_str(),
                   std::string{to_text(request.backend)}.c_str(), request.sla.isl, request.sla.osl,
                   answer.compared.wanted.gpus, target_text(answer.compared.wanted).c_str())
         + "ESTIMATED by the performance model; nothing was measured. In brackets: what holds the truth in 80 % of "
           "cases.\n\n";
}

std::string table_head() {
  return formatted("  %-44s %5s %9s %21s %21s %11s %11s\n", "deployment", "GPUs", "in flight", "TTFT ms", "TPOT ms",
                   "tok/s/GPU", "tok/s/user");
}

std::string table_row(const deployment_estimate& d) {
  const auto ttft = formatted("%.0f [%.0f, %.0f]", d.ttft_ms, d.ttft_low_ms, d.ttft_high_ms);
  const auto tpot = formatted("%.2f [%.2f, %.2f]", d.tpot_ms, d.tpot_low_ms, d.tpot_high_ms);
  const auto chunk = d.chunk_tokens > 0 ? formatted(" chunk %d", d.chunk_tokens) : std::string{};
  return formatted("  %-44s %5d %9.0f %21s %21s %11.1f %11.1f", (d.label + chunk).c_str(), d.gpus, d.concurrency,
                   ttft.c_str(), tpot.c_str(), d.tokens_per_s_per_gpu, d.tokens_per_s_per_user);
}

/// At most `count` of a front, evenly, the ends always.
std::vector<deployment_estimate> thinned(const std::vector<deployment_estimate>& front, size_t count) {
  if (front.size() <= count)
    return front;
  std::vector<deployment_estimate> result;
  for (size_t i = 0; i < count; ++i)
    result.push_back(front[i * (front.size() - 1) / (count - 1)]);
  return result;
}

std::string pick_part(const estimated_answer& answer) {
  const auto& chosen = answer.chosen;
  if (chosen.ranked.empty())
    return "NOTHING FITS: no engine of this model fits these GPUs\n\n";
  const auto& pick = chosen.ranked.front();
  auto text =
      formatted("%s  %s: %s\n", chosen.feasible ? "PICK" : "NOT FEASIBLE, nearest", pick.label.c_str(), pick.note.c_str());
  if (!chosen.feasible)
    text += "  binding constraint: " + chosen.binding
            + formatted("; would be met: TTFT %.1f ms, TPOT %.2f ms, request latency %.0f ms\n", pick.ttft_ms, pick.tpot_ms,
                        pick.request_latency_ms);
  if (answer.compared.wanted.how == picking::load_match)
    text += formatted("  load: %.1f %% served by %d GPUs, %d needed for all of it\n", 100 * chosen.load_served, pick.gpus,
                      chosen.gpus_needed);
  text += table_head() + table_row(pick) + "\n";
  text += formatted("  %.2f requests/s, request latency %.0f ms, batch %d for each rank, tier %s\n\n", pick.requests_per_s,
                    pick.request_latency_ms, pick.batch, pick.tier.c_str());
  if (!answer.sources.empty()) {
    text += "  measured kernels from\n";
    for (const auto& source : answer.sources)
      text += "    " + source + "\n";
    text += "\n";
  }
  return text;
}

std::string front_part(const estimated_answer& answer) {
  const auto front = estimating::front_of(answer.compared.deployments);
  if (front.empty())
    return {};
  std::string text =
      formatted("Pareto front: %zu of %zu estimated deployments\n", front.size(), answer.compared.deployments.size());
  for (const auto& line :
       front_picture(answer.compared.deployments, answer.chosen.ranked.front(), picture_columns, picture_rows))
    text += line + "\n";
  text += "\n" + table_head();
  for (const auto& d : thinned(front, front_rows))
    text += table_row(d) + "\n";
  return text + "\n";
}

std::string others_part(const estimated_answer& answer) {
  const auto& ranked = answer.chosen.ranked;
  std::string text;
  if (ranked.size() > 1)
    text += "Runners-up\n" + table_head();
  for (size_t i = 1; i < ranked.size() && i <= runners_up; ++i)
    text += table_row(ranked[i]) + "  " + ranked[i].note + "\n";
  if (ranked.size() > runners_up + 1 || !answer.compared.refused.empty())
    text += text.empty() ? "Why not\n" : "\nWhy not\n";
  for (size_t i = runners_up + 1; i < ranked.size(); ++i)
    text += formatted("  %-44s %s\n", ranked[i].label.c_str(), ranked[i].note.c_str());
  for (const auto& r : answer.compared.refused)
    text += formatted("  %-44s %s\n", (std::string{to_text(r.backend)} + " " + r.label).c_str(), r.reason.c_str());
  return text;
}

std::string engines_part(const estimated_answer& answer) {
  const auto& result = answer.result;
  if (answer.request.api != request_api::v1alpha1 || result.prefill.engine.empty() || result.decode.engine.empty())
    return {};
  std::string text = "\nEngines by the profiler's rule (each phase alone), which the files describe\n";
  for (const auto& [role, x] : {std::pair{"prefill TTFT", &result.prefill}, std::pair{"decode  ITL ", &result.decode}})
    text += formatted("  %s %9.2f ms [%.2f, %.2f] %10.1f tokens/s/GPU   %s%s\n", role, x->value_ms, x->value_low_ms,
                      x->value_high_ms, x->throughput_per_gpu, x->layout.label().c_str(),
                      x->meets_target ? "" : "   misses the target");
  return text;
}

} // namespace

std::vector<std::string> front_picture(const std::vector<deployment_estimate>& deployments, const deployment_estimate& pick,
                                       int columns, int rows) {
  double most_user = 0, most_gpu = 0;
  for (const auto& d : deployments) {
    most_user = std::max(most_user, d.tokens_per_s_per_user);
    most_gpu = std::max(most_gpu, d.tokens_per_s_per_gpu);
  }
  if (!(most_user > 0) || !(most_gpu > 0) || columns < 2 || rows < 2)
    return {};
  std::vector<std::string> canvas(static_cast<size_t>(rows), std::string(static_cast<size_t>(columns), ' '));
  const auto mark = [&](const deployment_estimate& d, char with) {
    const auto x = std::clamp<long>(std::lround(d.tokens_per_s_per_user / most_user * (columns - 1)), 0, columns - 1);
    const auto y = std::clamp<long>(std::lround(d.tokens_per_s_per_gpu / most_gpu * (rows - 1)), 0, rows - 1);
    canvas[static_cast<size_t>(rows - 1 - y)][static_cast<size_t>(x)] = with;
  };
  for (const auto& d : deployments)
    if (!d.efficient)
      mark(d, '.');
  for (const auto& d : deployments)
    if (d.efficient)
      mark(d, '*');
  mark(pick, 'X');
  std::vector<std::string> lines;
  for (int row = 0; row < rows; ++row) {
    const auto label = row == 0 || row == rows - 1 ? formatted("%9.0f", row == 0 ? most_gpu : 0.0) : std::string(9, ' ');
    auto line = label + " |" + canvas[static_cast<size_t>(row)];
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(line);
  }
  lines.push_back(std::string(10, ' ') + "+" + std::string(static_cast<size_t>(columns), '-'));
  lines.push_back("tok/s/GPU  0" + formatted("%*s", columns - 1, formatted("%.0f tok/s/user", most_user).c_str()));
  lines.push_back("           X pick   * front   . others");
  return lines;
}

std::string estimate_text(const estimated_answer& answer, const std::string& directory) {
  auto text = head(answer) + pick_part(answer);
  if (!answer.chosen.ranked.empty())
    text += front_part(answer);
  text += others_part(answer) + engines_part(answer);
  for (const auto& remark : answer.result.remarks)
    text += "note: " + remark + "\n";
  if (!directory.empty())
    text += "written: " + directory + "/report.html, config_with_planner.yaml and the rest of a profile's files\n";
  else
    text += "note: --output-dir DIR writes deployment, curves, ConfigMaps and report as a profile does\n";
  return text;
}

} // namespace sextant
