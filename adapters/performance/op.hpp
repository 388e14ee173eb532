// op.hpp: One kind of kernel in a forward pass, and who knows how long it takes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/performance/engine_spec.hpp"

namespace sextant::performance {

/// What an op computes; decides which table or formula times it.
enum class op_kind : uint8_t {
  gemm,
  embedding,
  elementwise,
  context_attention,
  generation_attention,
  context_mla,
  generation_mla,
  mla_bmm,
  moe,
  all_reduce, ///< custom all-reduce inside a node, NCCL beyond
  all_gather,
  reduce_scatter,
  all_to_all,
  p2p,
  module,    ///< whole measured block: `table` names it (MLA, DSA, CSA, HCA, MSA modules)
  recurrent, ///< linear attention, Mamba: `table` names it (gdn, kda, mamba2)
};

/// Which rows of a step an op works on.
enum class op_rows : uint8_t {
  all,     ///< prompt tokens and decoding requests together
  prefill, ///< prompt tokens only
  decode,  ///< decoding requests only
};

/// One op of a forward pass on the busiest GPU. Sizes are per GPU, after sharding. Fields that a kind does not use are 0.
struct op {
  op_kind kind = op_kind::gemm;
  std::string_view name;  ///< as in `aic-oplists.tsv`, without the phase prefix; a literal
  std::string_view table; ///< of modules and recurrent ops
  double count = 1;       ///< how often it runs in one pass (layers)
  std::string_view quant; ///< weight format; a literal, as all views here are
  std::string_view kv_quant;
  std::string_view compute_quant; ///< format attention computes in
  int64_t n = 0, k = 0;           ///< gemm: outputs, inputs; elementwise: elements written, read per token
  int heads = 0, kv_heads = 0, head_dim = 0, window = 0;
  bool qk_norm = false;
  int hidden = 0, inter = 0, topk = 0, experts = 0, moe_tp = 1, moe_ep = 1, dp = 1; ///< moe
  int gpus = 1;                                                                     ///< collective: how many take part
  double elements_per_token = 0; ///< collective: elements that each token brings
  bool last_token_only = false;  ///< output head: one position per sequence that yields a token
  double weight_bytes = 0;       ///< of all `count` instances on this GPU
  int overlap_group = 0;         ///< ops of one group > 0 run beside each other: the slower branch counts (`branch`)
  int branch = 0;
  op_rows rows = op_rows::all;
  int choice_group = 0;    ///< ops of one group > 0 stand for each other: branch 0 (one module) if measured, else branch 1
  std::string_view kernel; ///< recurrent: source of the kernel as in the tables
  std::string_view layer_kind; ///< which of the model's kinds of layers: `global`, `swa`, `gdn`, ...; empty: all alike
  bool gated = true;           ///< moe: gate and up projection
  int native_heads = 0;        ///< modules: query heads of the whole model
  int q_lora = 0, kv_lora = 0, nope_dim = 0, rope_dim = 0, v_dim = 0; ///< latent and compressed attention
  int o_lora = 0, o_groups = 0, compress_ratio = 0;                   ///< compressed attention; groups on this GPU
  int index_heads = 0, index_dim = 0, index_topk = 0;                 ///< sparse attention
  int streams = 0, iterations = 0;                                    ///< hyper-connections
  int key_heads = 0, key_dim = 0, state = 0, groups = 0, conv = 0;    ///< recurrent: `heads`, `head_dim` are the values'
};

/// The work of one step as an op sees it: one attention rank, tokens of all requests together.
struct op_load {
  double tokens = 0;           ///< rows that dense ops work on (prefill + decode)
  double sequences = 0;        ///< positions that yield a token
  double prefill_requests = 0; ///< requests with prompt tokens in this step
  double prefill_tokens = 0;   ///< new prompt tokens of all of them
  double prefill_context = 0;  ///< prompt tokens already in the cache, of all of them
  double decode_requests = 0;
  double decode_context = 0; ///< mean context of the decoding requests
};

/// Where a time comes from.
enum class time_tier : uint8_t { measured, fitted };

/// A time with its source.
struct op_time {
  double seconds = 0; ///< of one instance (`count` is not in it)
  time_tier tier = time_tier::fitted;
  int source = -1;    ///< index for `op_timer::source`, -1 for formulas
  float error = 0.3f; ///< relative error to expect
};

/// Times ops of one engine. Immutable after making; thread-safe.
class op_timer {
public:
  virtual ~op_timer() = default;
  virtual op_time time(const op& what, const op_load& load) const = 0;
  /// System, back end, version, op and source file of a measured time, for people.
  virtual std::string source(int index) const = 0;
};

/// The op lists of one engine.
struct op_lists {
  std::vector<op> prefill; ///< ops of a pass over prompt tokens
  std::vector<op> decode;  ///< ops of a pass over decoding requests
};

} // namespace sextant::performance
