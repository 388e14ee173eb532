#!/usr/bin/env python3
"""Reads the curves of an output directory with numpy and checks names, types and shapes.

run:  python3 test/interop/npz_check.py OUTPUT_DIR        needs: numpy (Debian: python3-numpy)
exit: 0 good or no curves were written, 1 something is wrong
"""
import os
import sys

import numpy as np

PREFILL = {"prefill_isl": "int64", "prefill_ttft": "float64", "prefill_thpt_per_gpu": "float64"}
DECODE = {"x_kv_usage": "float64", "y_context_length": "float64", "z_itl": "float64", "z_thpt_per_gpu": "float64"}
problems = []


def check(good, text):
    if not good:
        problems.append(text)


def load(path, wanted):
    with np.load(path, allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files}
    length = None
    for name, dtype in wanted.items():
        if name not in arrays:
            problems.append(f"{path}: {name} is missing")
            continue
        array = arrays[name]
        check(str(array.dtype) == dtype, f"{path}: {name} is {array.dtype}, not {dtype}")
        check(array.ndim == 1, f"{path}: {name} has {array.ndim} dimensions")
        check(length in (None, len(array)), f"{path}: {name} has another length")
        check(bool(np.all(np.isfinite(array))) and bool(np.all(array > 0)), f"{path}: {name} has values that are not positive numbers")
        length = len(array)
    return arrays


def check_bounds(path, arrays, name):
    low, value, high = arrays.get(name + "_low"), arrays[name], arrays.get(name + "_high")
    check(low is not None and high is not None, f"{path}: {name} has no interval")
    if low is not None and high is not None:
        check(len(low) == len(value) == len(high), f"{path}: interval of {name} has another length")
        check(bool(np.all(low <= high)), f"{path}: interval of {name} is upside down")


def main(directory):
    prefill = os.path.join(directory, "selected_prefill_interpolation", "raw_data.npz")
    decode = os.path.join(directory, "selected_decode_interpolation", "raw_data.npz")
    found = 0
    if os.path.exists(prefill):
        found += 1
        arrays = load(prefill, PREFILL)
        check(bool(np.all(np.diff(arrays["prefill_isl"]) > 0)), f"{prefill}: prefill_isl does not ascend")
        check_bounds(prefill, arrays, "prefill_ttft")
    if os.path.exists(decode):
        found += 1
        arrays = load(decode, DECODE)
        check(bool(np.all(arrays["x_kv_usage"] <= 1)), f"{decode}: more KV in use than there is")
        capacity = arrays.get("max_kv_tokens")
        check(capacity is not None and capacity.shape == (1,) and str(capacity.dtype) == "int64",
              f"{decode}: max_kv_tokens must be one int64 in an array of shape (1,)")
        check_bounds(decode, arrays, "z_itl")
    for problem in problems:
        print("npz_check:", problem, file=sys.stderr)
    if not problems:
        print(f"npz_check: {found} curves are good")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
