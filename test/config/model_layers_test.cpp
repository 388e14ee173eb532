// model_layers_test.cpp: Short texts of layer groups and model fields, right and wrong.
#include <catch2/catch.hpp>

#include "config/model_layers.hpp"

using namespace sextant;

TEST_CASE("layer groups are read from one line") {
  std::vector<layer_group> groups;
  REQUIRE(read_layer_groups("36*attention/experts:window=8192:kv_heads=2,12*gdn/none", groups));
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].count == 36);
  CHECK(groups[0].ffn == ffn_kind::experts);
  CHECK(groups[0].window == 8192);
  CHECK(groups[0].kv_heads == 2);
  CHECK(groups[1].mixer == mixer_kind::gdn);
  for (const auto* wrong : {"attention/experts", "0*attention/dense", "2*attention", "2*attention/dense:windows=1",
                            "2*attention/dense:window=x", "2*nothing/dense"}) {
    CAPTURE(wrong);
    std::vector<layer_group> none;
    CHECK_FALSE(read_layer_groups(wrong, none));
  }
}

TEST_CASE("model fields are set by their names on the wire") {
  model_facts facts;
  REQUIRE(set_model_fields("gated_ffn=0;moe_hidden=3584;attention_weight_quant=bfloat16", facts));
  CHECK_FALSE(facts.gated_ffn);
  CHECK(facts.moe_hidden == 3584);
  CHECK(facts.attention_weight_quant == "bfloat16");
  for (const auto* wrong : {"gated=0", "moe_hidden=wide", "gated_ffn=2"})
    CHECK_FALSE(set_model_fields(wrong, facts));
}
