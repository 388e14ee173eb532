#include <catch2/catch.hpp>
#include <cmath>

#include "adapters/performance/benchmark_rows.hpp"
#include "config/intake.hpp"

using namespace sextant;
using namespace sextant::performance;

namespace {

/// Every step takes 10 ms, a step with prompt tokens 10 ms more per 1000 tokens.
step_costs simple_costs() {
  step_costs c;
  c.dense_decode = sampled_curve::of([](double) { return 0.010; });
  c.dense_mixed = sampled_curve::of([](double rows) { return 0.010 + 1e-5 * rows; });
  return c;
}

rank_traffic closed_loop(double clients, double isl, double osl) {
  rank_traffic t;
  t.clients = clients;
  t.requests = 10 * clients;
  t.isl = isl;
  t.osl = osl;
  return t;
}

engine_group qwen(int tp) {
  engine_group g;
  g.engine.model = *find_model("Qwen/Qwen3-32B");
  g.engine.gpu = *find_gpu("h200_sxm");
  g.engine.layout.tp = tp;
  return g;
}

} // namespace

TEST_CASE("a sampled curve is exact at its samples and linear between them") {
  const auto curve = sampled_curve::of([](double x) { return 3 * x + 1; });
  for (const double x : {0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 6.0, 7.0, 24.0, 100.0, 4096.0, 65536.0, 100000.0})
    CHECK(curve(x) == Approx(3 * x + 1));
}

TEST_CASE("one client sees its prompt's step and then one step per token") {
  const auto out = play(simple_costs(), {}, closed_loop(1, 1000, 11));
  CHECK(out.ttft_s == Approx(0.020));
  CHECK(out.tpot_s == Approx(0.010));
  CHECK(out.latency_s == Approx(0.020 + 10 * 0.010));
}

TEST_CASE("a full KV cache makes requests wait, which only TTFT shows") {
  scheduling_policy roomy, full;
  full.kv_tokens = 4 * 1500; // four requests with half of their output
  const auto traffic = closed_loop(16, 1000, 1000);
  const auto free = play(simple_costs(), roomy, traffic), waiting = play(simple_costs(), full, traffic);
  CHECK(waiting.ttft_s > 10 * free.ttft_s);
  CHECK(waiting.mean_running <= 4.01);
  CHECK(waiting.tpot_s <= free.tpot_s * 1.01);
}

TEST_CASE("decoding waits for prompts where the scheduler does not mix them") {
  scheduling_policy mixed, apart;
  apart.mixed_steps = false;
  auto traffic = closed_loop(8, 4000, 100);
  traffic.shortest = 0.8;
  CHECK(play(simple_costs(), apart, traffic).tpot_s > play(simple_costs(), mixed, traffic).tpot_s);
}

TEST_CASE("a run that is cut stands for the whole run") {
  auto traffic = closed_loop(64, 1000, 200);
  traffic.requests = 64 * 40;
  traffic.shortest = 0.8;
  const auto whole = play(simple_costs(), {}, traffic, 1e9), cut = play(simple_costs(), {}, traffic, 640);
  CHECK(cut.ttft_s == Approx(whole.ttft_s).epsilon(0.15));
  CHECK(cut.tpot_s == Approx(whole.tpot_s).epsilon(0.03));
}

TEST_CASE("prompts queue for the prefill pool when it is the bottleneck") {
  tandem_traffic t;
  t.rank = closed_loop(32, 1000, 20);
  t.decode_servers = 4;
  const auto one = play_tandem(simple_costs(), {}, simple_costs(), {}, t);
  t.prefill_servers = 8;
  const auto eight = play_tandem(simple_costs(), {}, simple_costs(), {}, t);
  CHECK(one.ttft_s > 4 * eight.ttft_s);
  CHECK(one.tpot_s == Approx(0.010).epsilon(0.02));
}

TEST_CASE("more GPUs decode faster and more clients slower") {
  const auto tpot = [](int tp, double clients) {
    serving_traffic t;
    t.isl = 1000, t.osl = 200, t.concurrency = clients;
    const auto e = estimate_aggregated(qwen(tp), t);
    REQUIRE(e.ok);
    CHECK(e.tpot_ms.low < e.tpot_ms.value);
    CHECK(e.ttft_ms.high > e.ttft_ms.value);
    return e.tpot_ms.value;
  };
  CHECK(tpot(4, 8) < tpot(2, 8));
  CHECK(tpot(2, 64) > tpot(2, 4));
  CHECK(tpot(2, 8) == tpot(2, 8));
}

TEST_CASE("every mistake of a request is named") {
  serving_traffic t;
  t.isl = -5;
  const auto e = estimate_aggregated(qwen(1), t);
  CHECK_FALSE(e.ok);
  CHECK(e.reason.find("isl") != std::string::npos);
  CHECK(e.reason.find("osl") != std::string::npos);
  CHECK(e.reason.find("concurrency") != std::string::npos);
}

TEST_CASE("labels of attention data parallel runs are repaired") {
  CHECK(repaired_layout(4, 1, 4, 1, 16, true) == parallel_layout{1, 1, 4, 1, 4});
  CHECK(repaired_layout(64, 1, 1, 8, 8, true) == parallel_layout{8, 1, 1, 1, 8});
  CHECK(repaired_layout(1, 1, 64, 8, 8, true) == parallel_layout{1, 1, 8, 1, 8});
  CHECK(repaired_layout(4, 1, 1, 4, 1, true) == parallel_layout{4, 1, 1, 4, 1});
  CHECK(repaired_layout(72, 1, 1, 72, 1, true).tp == 8);
  CHECK(repaired_layout(8, 1, 1, 1, 1, false) == parallel_layout{8, 1, 1, 1, 1});
}

TEST_CASE("CSV cells may be quoted, and every broken line is named") {
  std::vector<std::string> errors;
  const auto table = read_csv("a,b\r\n\"x, \"\"y\"\"\",2\n\n1\n\"z\nw\",3\n", errors);
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0][0] == "x, \"y\"");
  CHECK(table.rows[1][0] == "z\nw");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].starts_with("line 4"));
  CHECK(csv_cell("x, \"y\"") == "\"x, \"\"y\"\"\"");
}

TEST_CASE("rows are predicted without the columns that only measurements have; nonsense has a reason") {
  std::vector<std::string> errors;
  const auto table = read_csv("row,backend,model_path,system,precision,isl,osl,concurrency,tp_size\n"
                              "7,vllm,meta-llama/Llama-3.1-70B,h200_sxm,fp8,1024,1024,16,4\n"
                              "8,vlm,nobody/nothing,h300,fp8,-1,10,16,four\n",
                              errors);
  REQUIRE(errors.empty());
  CHECK(missing_columns(table).empty());
  const auto good = read_benchmark_row(table, 0);
  CHECK(good.reason.empty());
  CHECK(good.engines.engine.model.name == "meta-llama/Meta-Llama-3.1-70B");
  const auto e = estimate_row(good, {});
  REQUIRE(e.ok);
  CHECK(e.tpot_ms.value == Approx(10.9).epsilon(0.3)); // measured on such engines: 10.9 ms
  const auto bad = read_benchmark_row(table, 1).reason;
  for (const char* word : {"backend", "model_path", "system", "isl", "tp_size"})
    CHECK(bad.find(word) != std::string::npos);
}
