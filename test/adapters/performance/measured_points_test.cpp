// measured_points_test.cpp: What measured points change, and for whom.
#include <catch2/catch.hpp>

#include "adapters/performance/benchmark_rows.hpp"
#include "adapters/performance/measured_points.hpp"

namespace sextant::performance {

namespace {

const std::string header = "backend,model_path,system,isl,osl,tp_size,concurrency,silicon_ttft_ms,silicon_tpot_ms\n";

csv_table table_of(const std::string& rows) {
  std::vector<std::string> errors;
  auto table = read_csv(header + rows, errors);
  REQUIRE(errors.empty());
  return table;
}

benchmark_row row_of(int tp, int concurrency, const std::string& model = "Qwen/Qwen3-32B") {
  return read_benchmark_row(
      table_of("vllm," + model + ",h200_sxm,4000,1000," + std::to_string(tp) + "," + std::to_string(concurrency) + ",,\n"),
      0);
}

double tpot_of(const benchmark_row& row, const measured_points* points) {
  estimate_context context;
  context.measured = points;
  const auto e = estimate_row(row, context);
  REQUIRE(e.ok);
  return e.tpot_ms.value;
}

measured_points points_at(double factor) {
  std::string rows;
  for (const int concurrency : {8, 32, 128})
    rows += "vllm,Qwen/Qwen3-32B,h200_sxm,4000,1000,2," + std::to_string(concurrency) + ",,"
            + std::to_string(factor * tpot_of(row_of(2, concurrency), nullptr)) + "\n";
  measured_points points;
  std::vector<std::string> errors;
  points.add_points(table_of(rows), "points.csv", {}, errors);
  REQUIRE(errors.empty());
  return points;
}

} // namespace

TEST_CASE("three points of a deployment correct the loads between them", "[measured]") {
  for (const double factor : {0.7, 1.0, 1.4}) {
    CAPTURE(factor);
    const auto points = points_at(factor);
    CHECK(tpot_of(row_of(2, 64), &points) / tpot_of(row_of(2, 64), nullptr) == Approx(factor).epsilon(0.03));
  }
}

TEST_CASE("other mappings of the same model, GPU and back end move half-way, other models do not", "[measured]") {
  const auto points = points_at(1.4);
  const double other = tpot_of(row_of(4, 64), &points) / tpot_of(row_of(4, 64), nullptr);
  CHECK(other > 1.1);
  CHECK(other < 1.25);
  const auto llama = row_of(2, 64, "meta-llama/Meta-Llama-3.1-70B");
  CHECK(tpot_of(llama, &points) == tpot_of(llama, nullptr));
}

TEST_CASE("points that cannot be used are told with their rows", "[measured]") {
  measured_points points;
  std::vector<std::string> errors;
  points.add_points(table_of("vllm,Qwen/Qwen3-32B,h900,4000,1000,2,8,100,10\n"
                             "vllm,Qwen/Qwen3-32B,h200_sxm,4000,1000,2,8,-1,ten\n"
                             "vllm,Qwen/Qwen3-32B,h200_sxm,4000,1000,2,8,,\n"),
                    "points.csv", {}, errors);
  REQUIRE(errors.size() == 4);
  CHECK_THAT(errors[0], Catch::Contains("points.csv: row 1") && Catch::Contains("h900"));
  CHECK_THAT(errors[1], Catch::Contains("row 2: silicon_ttft_ms"));
  CHECK_THAT(errors[2], Catch::Contains("row 2: silicon_tpot_ms"));
  CHECK_THAT(errors[3], Catch::Contains("row 3: found neither"));
}

} // namespace sextant::performance
