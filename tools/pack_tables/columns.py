"""columns.py: which columns of a measured table are keys, which are axes, and which hold the time."""

# Columns that say nothing about the shape of the work.
IGNORED = {"framework", "version", "device", "power", "power_limit", "backend", "implementation"}

# Integer columns that name a kind of work rather than a size: each value gets chunks of its own.
NAMING = {"head_dim", "window_size", "compress_ratio"}

# Numeric axes along which a curve may run, the best first. The one with most values in a chunk is taken.
CURVES = ["m", "message_size", "num_tokens", "num_token", "isl", "step", "seq_len", "batch_size"]

# Tables in which each kernel is one part of the op, not another way to do it: the kernel is a key.
KERNELS_ARE_PARTS = {"gdn_perf", "kda_perf", "mamba2_perf"}

# Columns with a time, and what makes them milliseconds. Tables of DeepEP have several times and no `latency`.
TIMES = {"latency": 1.0, "avg_ms": 1.0, "dispatch_transmit_us": 1e-3, "dispatch_notify_us": 1e-3, "combine_transmit_us": 1e-3,
         "combine_notify_us": 1e-3, "dispatch_avg_t_us": 1e-3, "combine_avg_t_us": 1e-3}
# The one table whose `latency` is in microseconds: 25 for one token and eight GPUs.
LATENCY_IN_MICROSECONDS = {"moe_a2a_perf"}
# Repetitions of other columns, or derived from the time.
DERIVED = {"transmit_us", "notify_us", "dispatch_bandwidth_gbps", "combine_bandwidth_gbps"}

# Where two kernels were measured for the same shape, the one that engines run by default comes first; the others
# become chunks of their own. Engines run decode in CUDA graphs, hence `graph` before `eager`.
PREFERRED_KERNELS = ["_graph", "trtllm_mha", "fa3", "moe_torch_flow_cutlass"]


def kernel_rank(name):
    """Order among kernels of one shape; lower is taken. Unlisted ones keep the order of the file."""
    for rank, part in enumerate(PREFERRED_KERNELS):
        if part in name:
            return rank
    return len(PREFERRED_KERNELS)


def time_columns(table, names):
    """[(column, factor to ms)] of a table."""
    if "latency" in names:
        return [("latency", 1e-3 if table in LATENCY_IN_MICROSECONDS else 1.0)]
    return [(name, factor) for name, factor in TIMES.items() if name in names]
