// grids_test.cpp: The golden vectors of the reference profiler's grids, with corrected values where the reference is
// defective.
#include <catch2/catch.hpp>

#include "actors/search/candidates.hpp"
#include "actors/search/grids.hpp"
#include "fake_world.hpp"

using namespace sextant;
using namespace sextant::searching;

using counts = std::vector<int>;

TEST_CASE("in-flight counts are those of the reference for one attention rank") {
  CHECK(request_range(1, 13, 6) == counts{1, 3, 5, 8, 10, 13});
  CHECK(request_range(1, 837, 6) == counts{1, 168, 335, 502, 669, 837});
  CHECK(request_range(1, 1000, 6) == counts{1, 200, 400, 600, 800, 1000});
  CHECK(request_range(1, 5000, 6) == counts{1, 400, 800, 1200, 1600, 2000});
  CHECK(request_range(1, 5, 6) == counts{1, 2, 3, 4, 5});
  CHECK(request_range(1, 6, 6) == counts{1, 2, 3, 4, 5, 6});
  CHECK(request_range(8, 40, 6) == counts{8, 16, 24, 32, 40});
  CHECK(request_range(32, 20, 6).empty());
}

TEST_CASE("in-flight counts of data-parallel attention stay within capacity and cap") {
  CHECK(request_range(4, 100, 6) == counts{4, 20, 40, 60, 80, 100});
  CHECK(request_range(8, 800, 6) == counts{8, 160, 320, 480, 640, 800});
  for (int ranks : {2, 4, 8, 16, 32})
    for (int capacity : {1, 31, 32, 100, 799, 5000})
      for (int granularity : {1, 2, 6, 9}) {
        const auto range = request_range(ranks, capacity, granularity);
        CHECK(range.empty() == (capacity < ranks));
        CHECK(std::is_sorted(range.begin(), range.end()));
        CHECK(std::adjacent_find(range.begin(), range.end()) == range.end());
        for (int n : range) {
          CHECK(n % ranks == 0);
          CHECK(n <= std::min(capacity, max_in_flight));
        }
      }
}

TEST_CASE("one in-flight count is asked for without dividing by zero") {
  CHECK(request_range(1, 100, 1) == counts{1});
  CHECK(request_range(8, 100, 0) == counts{8});
}

TEST_CASE("prefill lengths are those of the reference") {
  const auto usual = prefill_lengths(40960, 16);
  REQUIRE(usual.size() == 17);
  CHECK((usual[0] == 100 && usual[1] == 2621 && usual[2] == 5142 && usual.back() == 40436));
  CHECK(prefill_lengths(4096, 16).size() == 17);
  CHECK(prefill_lengths(4096, 16).back() == 3572);
  CHECK(prefill_lengths(131072, 16).size() == 17);
  CHECK(prefill_lengths(131072, 16).back() == 130548);
  CHECK(prefill_lengths(612, 16).empty());
  CHECK(prefill_lengths(620, 16).size() == 8); // a step of 0 in the reference
}

TEST_CASE("the decode grid is that of the reference") {
  CHECK(decode_lengths(40960, 6) == counts{100, 6843, 13586, 20329, 27072, 33815});
  const auto tight = decode_grid(40960, 8224, 1, 6);
  REQUIRE(tight.size() == 7);
  CHECK(tight.back() == decode_spot{6843, 500, 1});
  const double expected[] = {0.0425584, 0.1276751, 0.2127918, 0.3404669, 0.4255837, 0.5532588, 0.8624757};
  for (size_t i = 0; i < tight.size(); ++i)
    CHECK(kv_usage(tight[i], 8224) == Approx(expected[i]).epsilon(1e-5));
  const auto roomy = decode_grid(40960, 502272, 1, 6);
  REQUIRE(roomy.size() == 36);
  const double first_row[] = {0.000696834, 0.117068, 0.233439, 0.349810, 0.466182, 0.583250};
  for (size_t i = 0; i < 6; ++i)
    CHECK(kv_usage(roomy[i], 502272) == Approx(first_row[i]).epsilon(1e-5));
  CHECK(mean_context(roomy[6]) == 7093);
  const auto starved = decode_grid(131072, 131072, 1, 6);
  REQUIRE(starved.size() == 16);
}

TEST_CASE("GPU counts are the powers of two of the range") {
  CHECK(gpu_counts(1, 8) == counts{1, 2, 4, 8});
  CHECK(gpu_counts(3, 8) == counts{4, 8});
  CHECK(gpu_counts(5, 7).empty());
  CHECK(gpu_counts(8, 16) == counts{8, 16});
}

TEST_CASE("mappings are tried as the reference does") {
  const auto methods = [](const model_facts& m) {
    std::string text;
    for (const auto& layout : mappings_for(m, 8))
      text += layout.tag() + " ";
    return text;
  };
  CHECK(methods(testing::request_for(testing::sample::dense).model) == "TP8 ");
  CHECK(methods(testing::request_for(testing::sample::moe).model) == "TEP8 DEP8 TP8 ");
  CHECK(methods(testing::request_for(testing::sample::mla).model) == "TEP8 DEP8 ");
}

TEST_CASE("mapping filters refuse what does not divide and let unknown facts pass with a remark") {
  const auto dense = testing::request_for(testing::sample::dense).model;
  for (int n : {1, 2, 4, 8})
    CHECK(check_mapping(dense, {mapping_method::tp, n}).accepted);
  auto moe = testing::request_for(testing::sample::moe).model;
  CHECK_FALSE(check_mapping(moe, {mapping_method::tp, 8}).accepted);
  CHECK_FALSE(check_mapping(moe, {mapping_method::tep, 8}).accepted);
  CHECK(check_mapping(moe, {mapping_method::dep, 8}).accepted);
  moe.experts = 60;
  CHECK_FALSE(check_mapping(moe, {mapping_method::dep, 8}).accepted);
  model_facts blocks;
  blocks.kv_heads = 128, blocks.intermediate = 18432, blocks.quantization_block = 128;
  CHECK(check_mapping(blocks, {mapping_method::tp, 16}).accepted);
  CHECK_FALSE(check_mapping(blocks, {mapping_method::tp, 32}).accepted);
  const auto unknown = check_mapping(model_facts{}, {mapping_method::tp, 4});
  CHECK(unknown.accepted);
  CHECK(unknown.remarks.size() == 2);
  CHECK(check_mapping(model_facts{}, {mapping_method::tp, 1}).remarks.empty());
}

TEST_CASE("candidates that cannot fit are dropped with their reason") {
  auto request = testing::request_for(testing::sample::dense);
  request.gpu.memory_bytes = 60e9;
  request.pool_gpus = 4;
  const auto list = list_candidates(request).candidates;
  REQUIRE(list.size() == 8);
  CHECK(list[0].engine == "prefill-TP1");
  CHECK(list[0].state == candidate_state::dropped);
  CHECK(list[0].reason.rfind("memory: ", 0) == 0);
  CHECK(list[1].state == candidate_state::planned);
  CHECK(list[3].reason.rfind("pool: ", 0) == 0);
}
