// report_test.cpp: The page escapes what it is given, and the pieces that pictures are made of.
#include <catch2/catch.hpp>

#include "actors/artifacts/charts.hpp"
#include "actors/artifacts/curves_npz.hpp"
#include "actors/artifacts/fit.hpp"
#include "actors/artifacts/html.hpp"
#include "actors/artifacts/measured.hpp"
#include "actors/artifacts/report.hpp"
#include "sample.hpp"

using namespace sextant;

TEST_CASE("no text of a request or an engine becomes markup") {
  auto sample = sample::dense();
  auto& what = sample.what;
  const std::string evil = "<script>alert('x')</script>\"&";
  what.request.model.name = what.request.name = what.request.gpu.name = what.request.kubernetes_namespace = evil;
  what.request.host = what.request.model.source = evil;
  what.request.extra["warnings"] = evil;
  what.result.binding_constraint = what.result.clock = evil;
  what.result.remarks = {evil};
  what.result.feasible = false;
  what.result.prefill.message = evil;
  what.result.alternatives.push_back({phase::prefill, {}, 1, 1, 1, evil});
  for (auto& c : what.result.candidates) {
    c.reason = evil;
    failure f;
    f.detail = evil;
    f.log_tail = {evil};
    c.failures = {f};
  }
  for (auto& p : sample.points) {
    p.valid = false;
    p.remarks = {evil};
    p.plan.point = evil;
  }
  const auto page = report_html(what.request, what.result, sample.points, {evil, {{"cost_sla.png", "png"}}, evil, {evil}});
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("&lt;script&gt;") != std::string::npos);
  CHECK(page.find("http://") == std::string::npos);
  CHECK(page.find("https://") == std::string::npos);
}

TEST_CASE("the answer stands before everything else") {
  const auto sample = sample::dense();
  const auto page = report_html(sample.what.request, sample.what.result, sample.points, {"now", {}, "kind: X", {}});
  CHECK(page.find("The target is met") < page.find("kubectl apply"));
  CHECK(page.find("kubectl apply") < page.find("<h2>Candidates"));
  CHECK(page.find("simulated engines") < page.find("The target is met"));
  CHECK(page.find("below the best measured 840 &lt;TP=2&gt;") != std::string::npos);
  CHECK(page.find("start_timeout") != std::string::npos);
}

TEST_CASE("numbers and base64 for the page") {
  CHECK(html::number(1234567.891, 1) == "1\u202f234\u202f567.9");
  CHECK(html::number(9999) == "9999");
  CHECK(html::base64("") == "");
  CHECK(html::base64("f") == "Zg==");
  CHECK(html::base64("fo") == "Zm8=");
  CHECK(html::base64("foobar") == "Zm9vYmFy");
  CHECK(html::base64("\xff\xfe") == "//4=");
}

TEST_CASE("engine ids tell their mapping") {
  CHECK(mapping_of("prefill-TP4") == mapping{mapping_method::tp, 4});
  CHECK(mapping_of("decode-DEP16") == mapping{mapping_method::dep, 16});
  CHECK(mapping_of("decode-TEP8") == mapping{mapping_method::tep, 8});
  CHECK(mapping_of("nonsense") == mapping{});
}

TEST_CASE("only points that nothing beats are on the front") {
  std::vector<point_measured> points(4);
  const std::vector<std::pair<double, double>> values{{10, 100}, {20, 90}, {20, 150}, {5, 50}};
  std::vector<const point_measured*> all;
  for (size_t i = 0; i < points.size(); ++i) {
    points[i].value_ms = values[i].first;
    points[i].throughput_per_gpu = values[i].second;
    all.push_back(&points[i]);
  }
  const auto front = pareto(all);
  REQUIRE(front.size() == 3);
  CHECK(front[0] == &points[3]);
  CHECK(front[1] == &points[0]);
  CHECK(front[2] == &points[2]);
}

TEST_CASE("a quadratic is found again") {
  std::vector<double> x, y;
  for (int i = 0; i < 17; ++i) {
    x.push_back(100 + 2521.0 * i);
    y.push_back(1.1e-6 * x.back() * x.back() + 0.08 * x.back() + 9);
  }
  const auto fit = fit_quadratic(x, y);
  REQUIRE(fit.has_value());
  CHECK(fit->a == Approx(1.1e-6));
  CHECK(fit->b == Approx(0.08));
  CHECK(fit->c == Approx(9));
  CHECK_FALSE(fit_quadratic({1, 1, 1}, {1, 2, 3}).has_value());
  CHECK_FALSE(fit_quadratic({1, 2}, {1, 2}).has_value());
}

TEST_CASE("cost follows the reference's formula") {
  service_level sla{3000, 500, 0, 0};
  CHECK(gpu_hours_per_1000(sla, 1000, 500) == Approx(3000.0 / 3600 + 1000.0 / 3600));
  CHECK(gpu_hours_per_1000(sla, 0, 500) == 0);
}

TEST_CASE("the seven pictures carry the reference's names, titles and targets") {
  const auto sample = sample::dense();
  const auto charts = profile_charts(sample.what.request, sample.what.result, sample.points);
  REQUIRE(charts.size() == 7);
  CHECK(charts[0].file == "prefill_performance.png");
  CHECK(charts[0].what.title == "Prefill Performance");
  CHECK(charts[0].what.limits.front().label == "Target TTFT: 300 ms");
  CHECK(charts[1].what.limits.front().label == "Target ITL: 20 ms");
  CHECK(charts[2].what.title == "Cost Per 1000 i3000o500 requests (GPU/hour = $3.0) Under Different SLA");
  CHECK(charts[3].what.title == "Prefill TTFT vs Input Sequence Length");
  CHECK(charts[5].what.title == "Decode ITL Interpolation");
  CHECK(charts[5].what.series.size() == 6);
  for (const auto& c : charts)
    CHECK(c.what.subtitle.find("simulated") != std::string::npos);
  int chosen = 0;
  for (const auto& s : charts[0].what.series)
    for (const auto& p : s.points) {
      chosen += p.chosen ? 1 : 0;
      CHECK(p.hollow == (p.x > 300));
    }
  CHECK(chosen == 1);
}

TEST_CASE("curves that a planner could not use are not written") {
  auto sample = sample::dense();
  auto& result = sample.what.result;
  CHECK_FALSE(prefill_npz(result, sample.points).empty());
  CHECK_FALSE(decode_npz(result, sample.points).empty());
  CHECK(prefill_npz(result, sample.points).find("simulated.npy") != std::string::npos);
  CHECK(curve_remarks(result).empty());
  result.prefill_curve.resize(2);
  CHECK(curve_remarks(result).size() == 1);
  result.max_kv_tokens = 0;
  CHECK(prefill_npz(result, sample.points).empty());
  CHECK(decode_npz(result, sample.points).empty());
}

TEST_CASE("samples of a curve find their measurements") {
  const auto sample = sample::dense();
  const auto& result = sample.what.result;
  for (const auto& s : result.decode_grid) {
    const auto* p = point_behind(sample.points, result.decode.engine, s);
    REQUIRE(p);
    CHECK(p->value_ms == s.itl_ms);
  }
  CHECK(point_behind(sample.points, "decode-TP99", result.decode_grid.front()) == nullptr);
}
