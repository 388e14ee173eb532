#include "actors/sidecar/curves.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "actors/sidecar/counters.hpp"
#include "adapters/npz/npz.hpp"

using namespace sextant;
using namespace sextant::sidecar;
namespace fs = std::filesystem;

namespace {

planner_curves known() {
  planner_curves out;
  for (const int isl : {4000, 100, 1000})
    out.prefill.push_back({isl, 5 + 0.1 * isl, 1000});
  for (const double context : {4000.0, 500.0})
    for (const double usage : {0.8, 0.1})
      out.decode.push_back({usage, context, 8 + 10 * usage + context / 1000, 200});
  out.max_kv_tokens = 100000;
  return out;
}

struct folder {
  fs::path path = fs::temp_directory_path() / ("sidecar-curves-" + std::to_string(::getpid()));
  folder() { fs::create_directories(path); }
  ~folder() { fs::remove_all(path); }
  void put(const std::string& name, const std::string& content) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream{path / name, std::ios::binary} << content;
  }
};

const std::string prefill_json =
    R"({"prefill_isl":[100,1000],"prefill_ttft":[15.0,105.0],"prefill_thpt_per_gpu":[1.0,2.0]})";
const std::string decode_json =
    R"({"x_kv_usage":[0.1,0.5],"y_context_length":[350,350],"z_itl":[8.0,9.0],"z_thpt_per_gpu":[1,2],"max_kv_tokens":5000})";

} // namespace

TEST_CASE("curves are read between their points and kept at their ends") {
  const auto c = known();
  CHECK(ttft_at(c.prefill, 550) == Approx(60));
  CHECK(ttft_at(c.prefill, 2500) == Approx(255));
  CHECK(ttft_at(c.prefill, 10) == Approx(15));
  CHECK(ttft_at(c.prefill, 9999) == Approx(405));
  CHECK(itl_at(c.decode, 0.45, 2250) == Approx(8 + 4.5 + 2.25));
  CHECK(itl_at(c.decode, 0, 100) == Approx(9.5));
  CHECK(itl_at(c.decode, 2, 9000) == Approx(20));
}

TEST_CASE("what is expected follows the traffic: cached prompts, waiting, contexts") {
  const auto c = known();
  serving_observed w;
  w.seconds = 10;
  w.requests = 20;
  w.request_rate = 2;
  w.isl = 2000;
  w.osl = 100;
  w.cached_share = 0.5;
  w.tokens = 1980;
  w.itl_ms = 10;
  expect(w, c, {});
  // S = 105 ms, u = 0.21; 1.98 requests decode, context 2050.
  CHECK(w.expected_ttft_ms == Approx(105 * (1 + 0.21 / (2 * 0.79))));
  CHECK(decoding_at_once(w) == Approx(1.98));
  CHECK(w.expected_itl_ms == Approx(itl_at(c.decode, 1.98 * 2050 / 100000, 2050)));
  CHECK(w.remarks.empty());
  w.request_rate = 20;
  w.expected_ttft_ms = 0;
  expect(w, c, {});
  CHECK(w.expected_ttft_ms == 0);
  CHECK(w.remarks.size() == 1);
  expect(w, c, {4, 1});
  CHECK(w.expected_ttft_ms > 105);
}

TEST_CASE("corrected curves are slower by the ratio and serve less") {
  const auto c = corrected(known(), 2, 1.25);
  CHECK(ttft_at(c.prefill, 1000) == Approx(210));
  CHECK(c.prefill.front().throughput_per_gpu == Approx(500));
  CHECK(itl_at(c.decode, 0.1, 500) == Approx(1.25 * 9.5));
  CHECK(c.decode.front().throughput_per_gpu == Approx(160));
  CHECK(c.max_kv_tokens == 100000);
}

TEST_CASE("a mounted ConfigMap and a results directory hold the same curves") {
  const folder place;
  std::string error;
  CHECK_FALSE(read_curves(place.path.string(), error));
  CHECK(error.find("prefill_raw_data.json can be read") != std::string::npos);
  place.put("prefill_raw_data.json", prefill_json);
  place.put("decode_raw_data.json", decode_json);
  const auto mounted = read_curves(place.path.string(), error);
  REQUIRE(mounted);
  CHECK(mounted->max_kv_tokens == 5000);
  CHECK(mounted->prefill[1].ttft_ms == 105);
  CHECK(mounted->decode[1].itl_ms == 9);
  npz_writer prefill, decode;
  prefill.add("prefill_isl", std::vector<int64_t>{100, 2000});
  prefill.add("prefill_ttft", std::vector<double>{15, 205});
  prefill.add("prefill_thpt_per_gpu", std::vector<double>{1, 2});
  for (const char* name : {"x_kv_usage", "y_context_length", "z_itl", "z_thpt_per_gpu"})
    decode.add(name, std::vector<double>{1, 2});
  decode.add("max_kv_tokens", std::vector<int64_t>{7000});
  place.put("selected_prefill_interpolation/raw_data.npz", prefill.bytes());
  place.put("selected_decode_interpolation/raw_data.npz", decode.bytes());
  const auto written = read_curves(place.path.string(), error);
  REQUIRE(written);
  CHECK(written->prefill[1].isl == 2000);
  CHECK(written->max_kv_tokens == 7000);
}

TEST_CASE("curves that cannot be used are refused with file and reason") {
  for (const auto& [text, reason] : std::vector<std::pair<std::string, std::string>>{
           {"[1]", "no JSON object"},
           {R"({"prefill_isl":[1]})", "prefill_ttft is missing"},
           {R"({"prefill_isl":[1,2],"prefill_ttft":[1],"prefill_thpt_per_gpu":[1,2]})", "1 elements"},
           {R"({"prefill_isl":[1],"prefill_ttft":["x"],"prefill_thpt_per_gpu":[1]})", "no number"},
           {R"({"prefill_isl":[],"prefill_ttft":[],"prefill_thpt_per_gpu":[]})", "0 elements"}}) {
    const folder place;
    place.put("prefill_raw_data.json", text);
    place.put("decode_raw_data.json", decode_json);
    std::string error;
    CHECK_FALSE(read_curves(place.path.string(), error));
    INFO(error);
    CHECK(error.find(reason) != std::string::npos);
    CHECK(error.find("prefill_raw_data.json") != std::string::npos);
  }
}
