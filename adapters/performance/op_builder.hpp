// op_builder.hpp: Writes ops down one by one. Inside of op_lists.
#pragma once

#include <string_view>
#include <vector>

#include "adapters/performance/op.hpp"

namespace sextant::performance {

/// Appends ops of one phase. Counts are those of the layer group set by `layers`.
class op_builder {
public:
  op_builder(const engine_spec& engine, bool prefill, std::vector<op>& out);

  const engine_spec& engine;
  const model_facts& model;
  const bool prefill;
  const double h; ///< model width
  const int tp;

  /// Ops that follow run `count` times per pass.
  void layers(double count, std::string_view kind) {
    count_ = count;
    kind_ = kind;
  }
  double count() const { return count_; }
  std::vector<op>& ops() { return out_; }

  op& add(op_kind kind, std::string_view name);
  op& gemm(std::string_view name, double n, double k, std::string_view quant);
  /// Reads `in`, writes `out` elements per token.
  op& elementwise(std::string_view name, double in, double out);
  /// Sum over the tensor parallel ranks of `width` elements per token; nothing on one rank.
  void all_reduce(std::string_view name, double width);
  op& collective(op_kind kind, std::string_view name, int gpus, double elements);

  std::string_view dense_quant() const;     ///< of FFN and shared experts
  std::string_view attention_quant() const; ///< of attention projections
  std::string_view compute_quant() const;   ///< attention arithmetic of prompts

private:
  std::vector<op>& out_;
  double count_ = 1;
  std::string_view kind_;
};

/// Attention, linear attention or state-space half of a layer group.
void add_mixer(op_builder& b, const layer_group& group);
/// Feed-forward half of a layer group.
void add_ffn(op_builder& b, const layer_group& group);

} // namespace sextant::performance
