// curves_test.cpp: Where the adaptive curves begin, what planners object to, and what is believed of unmeasured points.
#include <catch2/catch.hpp>

#include "actors/search/curves.hpp"
#include "actors/search/estimates.hpp"
#include "actors/search/refinement.hpp"

using namespace sextant;
using namespace sextant::searching;

TEST_CASE("prefill curves spread from 100 to the longest prompt, the target's length among them") {
  CHECK(spread_lengths(3000, 40448) == std::vector<int>{100, 332, 1103, 3000, 12176, 40448});
  CHECK(spread_lengths(6000, 40448) == std::vector<int>{100, 332, 1103, 3666, 6000, 12176, 40448});
  for (int longest : {40, 200, 800, 3500, 131072, 1000000})
    for (int wanted : {1, 100, 3000, 40448}) {
      const auto lengths = spread_lengths(wanted, longest);
      CHECK(lengths.size() >= 6);
      CHECK(std::is_sorted(lengths.begin(), lengths.end()));
      CHECK(std::adjacent_find(lengths.begin(), lengths.end()) == lengths.end());
      CHECK(lengths.front() >= 1);
      CHECK(lengths.back() == longest);
    }
  CHECK(spread_lengths(3000, 5).empty());
}

TEST_CASE("prefill curves end at four times the target's length, one pass at least, and never beyond what fits") {
  const auto end = [](int isl, int longest) { return curve_end({isl, 500, 300, 20}, longest); };
  CHECK(end(3000, 163328) == 12000);
  CHECK(end(100, 163328) == 8192);
  CHECK(end(3000, 9000) == 9000);
  CHECK(end(100, 4000) == 4000);
  CHECK(end(2000000000, 163328) == 163328);
}

TEST_CASE("decode grids have two usages or more of two contexts or more, within capacity and traffic") {
  for (int ranks : {1, 4, 16})
    for (int64_t kv : {20000, 500000, 3600000})
      for (int context : {4096, 40960, 163840})
        for (int osl : {1, 75, 500})
          for (int isl : {10, 3000}) {
            std::map<int, int> rows;
            for (const auto& spot : spread_spots({isl, osl, 300, 20}, context, kv, ranks, 0.7)) {
              ++rows[spot.isl];
              CHECK(spot.isl > 0);
              CHECK(spot.in_flight % ranks == 0);
              CHECK((spot.isl + spot.osl) * static_cast<int64_t>(spot.in_flight) <= kv);
              CHECK(spot.in_flight * spot.osl <= most_output_tokens);
              CHECK(spot.isl + spot.osl <= context);
            }
            INFO("ranks " << ranks << " kv " << kv << " context " << context << " isl " << isl << " osl " << osl);
            CHECK(rows.size() >= 2);
            CHECK(rows.size() <= 5);
            CHECK(std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.second >= 2; }) >= 2);
          }
}

TEST_CASE("the decode grid is regular: the target's mean context is a row, every row has the same usages") {
  const auto osl = GENERATE(500, 75);
  const int64_t kv = 3767984;
  std::map<double, std::vector<double>> rows;
  for (const auto& spot : spread_spots({3000, osl, 300, 20}, 40960, kv, 1, 0.5))
    rows[mean_context(spot)].push_back(kv_usage(spot, kv));
  REQUIRE(rows.size() == 4);
  REQUIRE(rows.count(3000 + osl / 2.0) == 1);
  const auto& wanted = rows.at(3000 + osl / 2.0);
  REQUIRE(wanted.size() == 5);
  CHECK(wanted.back() == Approx(0.5).epsilon(0.02));
  for (const auto& [context, usages] : rows) {
    INFO("context " << context);
    REQUIRE(usages.size() == 5);
    for (size_t i = 1; i + 1 < usages.size(); ++i)
      CHECK(usages[i] == Approx(wanted[i]).margin((context + 3000) / kv));
    CHECK(usages.back() <= wanted.back() * 1.02);
  }
}

TEST_CASE("the rising part of a curve is its longest strictly rising one") {
  const std::vector<prefill_sample> curve{{100, 10, 1},   {200, 9.9, 1}, {400, 12, 1},
                                          {800, 11.5, 1}, {1600, 20, 1}, {3200, 40, 1}};
  const auto rising = rising_part(curve);
  REQUIRE(rising.size() == 4);
  for (size_t i = 1; i < rising.size(); ++i) {
    CHECK(rising[i].isl > rising[i - 1].isl);
    CHECK(rising[i].ttft_ms > rising[i - 1].ttft_ms);
  }
  CHECK(rising_part({}).empty());
  CHECK(rising_part({{1, 1, 1}}).size() == 1);
}

TEST_CASE("curves that planners reject are named") {
  std::vector<prefill_sample> prefill{{100, 1, 1}, {200, 2, 1}, {300, 3, 1}, {400, 4, 1}, {500, 5, 1}};
  std::vector<decode_sample> decode{{0.1, 300, 5, 1}, {0.5, 300, 6, 1}, {0.1, 900, 5, 1}, {0.5, 900, 6, 1}};
  CHECK(curve_objections(prefill, decode).empty());
  prefill[2].ttft_ms = 1.5;
  CHECK(curve_objections(prefill, decode).size() == 1);
  prefill.pop_back();
  CHECK(curve_objections(prefill, decode).size() == 2);
  decode.pop_back();
  CHECK(curve_objections(prefill, decode).size() == 3);
}

TEST_CASE("measurements within the model's band move the expectation of other mappings only") {
  const auto nothing = shared_correction({}, 0.35);
  CHECK(nothing.low == Approx(1 / 1.35));
  CHECK(nothing.expected == 1);
  const auto within = shared_correction({1.2}, 0.35);
  CHECK(within.low == nothing.low);
  CHECK(within.high == nothing.high);
  CHECK(within.expected == Approx(std::sqrt(1.2)));
}

TEST_CASE("measurements beyond the model's band move the bounds with them") {
  const auto slow = shared_correction({2.0, 2.1}, 0.35);
  CHECK(slow.low > 1 / 1.35);
  CHECK(slow.low < 2.0);
  CHECK(slow.high > 2.1);
  const auto fast = shared_correction({0.4}, 0.35);
  CHECK(fast.low < 0.4);
  CHECK(fast.expected < 1);
}
