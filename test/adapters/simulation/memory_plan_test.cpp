// memory_plan_test.cpp: Which engines fit, how much KV cache they have, and what is said about those that do not.
#include <catch2/catch.hpp>

#include "adapters/simulation/engine_core.hpp"
#include "worlds.hpp"

using namespace sextant;
using worlds::shape;

TEST_CASE("a dense model's shards shrink with tensor parallelism and leave more KV cache") {
  const auto one = plan_memory(shape(worlds::qwen3_32b(), mapping_method::tp, 1), 3500);
  CHECK(one.fits);
  CHECK(one.weight_bytes == Approx(65.5e9).epsilon(0.01));
  CHECK(one.kv_bytes_per_token == 2.0 * 8 * 128 * 64 * 2);
  CHECK(one.kv_tokens > 200'000);
  CHECK(one.kv_tokens < 300'000);
  CHECK(one.kv_tokens % kv_block_tokens == 0);
  const auto four = plan_memory(shape(worlds::qwen3_32b(), mapping_method::tp, 4), 3500);
  CHECK(four.weight_bytes == Approx(one.weight_bytes / 4));
  CHECK(four.kv_bytes_per_token == one.kv_bytes_per_token / 4);
  CHECK(four.kv_tokens > 5 * one.kv_tokens);
}

TEST_CASE("KV heads are never split below one") {
  const auto plan = plan_memory(shape(worlds::qwen3_30b_a3b(), mapping_method::tp, 8), 1);
  CHECK(plan.kv_bytes_per_token == 2.0 * 1 * 128 * 48 * 2);
}

TEST_CASE("a 671B model does not fit one GPU or four, and the reason has the numbers") {
  const auto plan = plan_memory(shape(worlds::deepseek_r1(), mapping_method::tep, 4), 3500);
  CHECK_FALSE(plan.fits);
  CHECK(plan.kv_tokens == 0);
  CHECK(plan.reason.find("weights 16") != std::string::npos);
  CHECK(plan.reason.find("h200_sxm") != std::string::npos);
  CHECK(plan.reason.find("no room") != std::string::npos);
  CHECK(plan_memory(shape(worlds::deepseek_r1(), mapping_method::tep, 8), 3500).fits);
}

TEST_CASE("latent attention keeps one copy per rank under TEP and one share per rank under DEP") {
  const auto tep = plan_memory(shape(worlds::deepseek_r1(), mapping_method::tep, 8), 3500);
  const auto dep = plan_memory(shape(worlds::deepseek_r1(), mapping_method::dep, 8), 3500);
  CHECK(tep.kv_bytes_per_token == 61.0 * 576);
  CHECK(dep.kv_bytes_per_token == tep.kv_bytes_per_token);
  CHECK(dep.weight_bytes > tep.weight_bytes); // attention and head are on every rank
  CHECK(dep.fits);
  CHECK(dep.kv_tokens > 4 * tep.kv_tokens);
}

TEST_CASE("known weight bytes replace the shape's but keep its sharding") {
  auto model = worlds::qwen3_32b();
  model.weight_bytes = 40e9;
  CHECK(plan_memory(shape(model, mapping_method::tp, 2), 1).weight_bytes == Approx(20e9));
}

TEST_CASE("an engine that cannot hold one request does not fit and says how far it is off") {
  const auto room = plan_memory(shape(worlds::qwen3_32b(), mapping_method::tp, 1), 1).kv_tokens;
  CHECK(plan_memory(shape(worlds::qwen3_32b(), mapping_method::tp, 1), room).fits);
  const auto plan = plan_memory(shape(worlds::qwen3_32b(), mapping_method::tp, 1), room + 1);
  CHECK_FALSE(plan.fits);
  CHECK(plan.reason.find(std::to_string(room)) != std::string::npos);
  CHECK(plan.reason.find(std::to_string(room + 1)) != std::string::npos);
}

TEST_CASE("every back end has its own budget") {
  const auto vllm = plan_memory(shape(worlds::qwen3_32b(), mapping_method::tp, 1, backend_kind::vllm), 1);
  const auto sglang = plan_memory(shape(worlds::qwen3_32b(), mapping_method::tp, 1, backend_kind::sglang), 1);
  const auto trtllm = plan_memory(shape(worlds::qwen3_32b(), mapping_method::tp, 1, backend_kind::trtllm), 1);
  CHECK(vllm.kv_tokens != sglang.kv_tokens);
  CHECK(trtllm.kv_tokens != vllm.kv_tokens);
  for (const auto& plan : {vllm, sglang, trtllm})
    CHECK(plan.kv_tokens > 200'000);
}
