#!/usr/bin/env python3
"""Loads the curves of an output directory with the Dynamo planner's own code, of the newest and of the oldest kind.

run:  test/interop/planner_check.sh OUTPUT_DIR            makes the virtual environment and calls this file with it
or:   VENV/bin/python test/interop/planner_check.py OUTPUT_DIR [--isl N] [--context N] [--ttft MS] [--itl MS]
      VENV has ai-dynamo >= 1.2 and, in VENV/planner09/perf_interpolation.py, the interpolators of ai-dynamo 0.9.1.
exit: 0 both accept the curves, 1 one refuses them, 2 the planner's code cannot be imported

config: `planner_config.json` in final_config.yaml, if there is one, must pass the planner's own validation.
new: npz -> forward-pass metrics -> the regression models of 1.2 to 1.6 (what planner and mocker fit at their start).
old: npz -> cubic interpolators of releases up to 1.0.

Both are asked between the points over the whole range, too: the cubic must stay near straight interpolation between measured
neighbours, the regressions must be positive and near the measurement around the target. A straight line cannot follow every
engine (one whose short prompts all take one step, say); how far it is off is printed, and bounded.
"""
import argparse
import importlib.util
import json
import math
import os
import sys
import types

problems = []


def positive(what, value, zero_is_good=False):
    value = float(value)
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero_is_good):
        problems.append(f"{what} is {value}")
    return round(value, 4)


def without_aisimulate():
    """The planner package imports a simulator that is not on PyPI; the code under test never calls it."""

    class nothing(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (), {})

    class finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name.split(".")[0] in ("aisimulate", "aisimulate_core"):
                return importlib.util.spec_from_loader(name, finder)
            return None

        @staticmethod
        def create_module(spec):
            module = nothing(spec.name)
            module.__path__ = []
            return module

        @staticmethod
        def exec_module(module):
            pass

    if importlib.util.find_spec("aisimulate_core") is None:
        sys.meta_path.append(finder)


# Relative distance of a planner's answer from what was measured that is accepted: cubic between points, straight line around
# the target (half to twice its length), plane of the decode regression at a measured point.
CUBIC_BOUND, LINE_BOUND, PLANE_BOUND = 0.15, 0.45, 0.5


def curves(directory):
    import numpy

    prefill = numpy.load(os.path.join(directory, "selected_prefill_interpolation", "raw_data.npz"))
    decode = numpy.load(os.path.join(directory, "selected_decode_interpolation", "raw_data.npz"))
    return prefill, decode


def lengths(prefill, first=0.0):
    import numpy

    isl = prefill["prefill_isl"]
    return numpy.geomspace(max(float(isl.min()), first), float(isl.max()), 400)


def worst(what, pairs, bound):
    """Largest relative distance of (place, answer, measured); everything must be finite and above zero."""
    most = (0.0, None)
    for place, answer, measured in pairs:
        answer = float(answer)
        if not math.isfinite(answer) or answer <= 1e-3:
            problems.append(f"{what} is {answer} at {place}")
            return None
        error = answer / float(measured) - 1
        if abs(error) > abs(most[0]):
            most = (error, place)
    if abs(most[0]) > bound:
        problems.append(f"{what} is {most[0]:+.0%} off at {most[1]}, more than {bound:.0%}")
    return f"{most[0]:+.1%} at {most[1]}"


def between_new(args, prefill_model, decode_model):
    import numpy

    prefill, decode = curves(args.directory)
    isl, ttft = prefill["prefill_isl"].astype(float), prefill["prefill_ttft"]
    ask = lambda n: prefill_model._predict_wall_time(n) * 1e3
    everywhere = [(int(n), ask(n), ask(n)) for n in lengths(prefill, args.isl / 8)]
    around = [(int(n), ask(n), numpy.interp(n, isl, ttft)) for n in lengths(prefill) if args.isl / 2 <= n <= 2 * args.isl]
    kv = decode["x_kv_usage"] * int(decode["max_kv_tokens"][0])
    requests = numpy.maximum(1, numpy.round(kv / decode["y_context_length"]))
    plane = [((int(n), int(tokens)), decode_model._predict_2d(n, tokens) * 1e3, itl)
             for n, tokens, itl in zip(requests, kv, decode["z_itl"])]
    worst("new: TTFT", everywhere, math.inf)
    return {"ttft": worst("new: TTFT", around, LINE_BOUND), "itl": worst("new: ITL", plane, PLANE_BOUND)}


def between_old(args, prefill_model, decode_model):
    import numpy

    prefill, decode = curves(args.directory)
    isl = prefill["prefill_isl"].astype(float)
    places = [int(n) for n in lengths(prefill)]
    ttft = [(n, prefill_model.interpolate_ttft(n), numpy.interp(n, isl, prefill["prefill_ttft"])) for n in places]
    rate = [(n, prefill_model.interpolate_thpt_per_gpu(n), numpy.interp(n, isl, prefill["prefill_thpt_per_gpu"])) for n in places]
    # The grid of the old planner: every context and usage that the measured ones enclose.
    answers = {"ttft": worst("old: TTFT", ttft, CUBIC_BOUND), "prefill throughput": worst("old: prefill throughput", rate, CUBIC_BOUND)}
    context, usage = decode["y_context_length"], decode["x_kv_usage"]
    for name, key, table in (("ITL", "z_itl", decode_model.itl_interpolator), ("decode throughput", "z_thpt_per_gpu", decode_model.thpt_interpolator)):
        inside = [((round(float(y)), round(float(x), 2)), table[j, i])
                  for j, y in enumerate(decode_model.yi) if context.min() <= y <= context.max()
                  for i, x in enumerate(decode_model.xi) if usage.min() <= x <= usage.max()]
        low, high = float(decode[key].min()), float(decode[key].max())
        for place, value in inside:
            if not (math.isfinite(value) and 0.5 * low <= value <= 1.25 * high):
                problems.append(f"old: {name} is {value} at context and usage {place}, measured are {low} to {high}")
        answers[name] = f"{min(v for _, v in inside):.2f} to {max(v for _, v in inside):.2f}, measured {low:.2f} to {high:.2f}"
    return answers


def ask_new(args):
    without_aisimulate()
    from dynamo.planner.core.perf_model.decode import DecodeRegressionModel
    from dynamo.planner.core.perf_model.prefill import PrefillRegressionModel
    from dynamo.planner.monitoring import perf_metrics

    prefill_steps = perf_metrics._convert_prefill_profiling(args.directory)
    decode_steps = perf_metrics._convert_decode_profiling(args.directory)
    prefill = PrefillRegressionModel(max_num_fpm_samples=len(prefill_steps) + 8)
    decode = DecodeRegressionModel(max_num_fpm_samples=len(decode_steps) + 8)
    prefill.load_benchmark_fpms(prefill_steps)
    decode.load_benchmark_fpms(decode_steps)
    if not prefill._ensure_fitted():
        problems.append(f"new: the prefill model cannot be fitted to {len(prefill_steps)} points")
    if not decode._ensure_fitted():
        problems.append(f"new: the decode model cannot be fitted to {len(decode_steps)} points")
    if not (prefill._is_fitted and decode._is_fitted):
        return {}
    return {
        "points": [len(prefill_steps), len(decode_steps)],
        "ttft_ms": positive("new: TTFT", prefill._predict_wall_time(args.isl) * 1e3),
        "prefill_requests_per_s": positive("new: prefill rate", prefill.find_best_engine_prefill_rps(args.ttft, args.isl)[0], True),
        "itl_ms": positive("new: ITL", decode._predict_2d(8, 8 * args.context) * 1e3),
        "decode_requests_per_s": positive("new: decode rate", decode.find_best_engine_decode_rps(args.itl, args.context, 500)[0], True),
        "farthest_off": between_new(args, prefill, decode),
    }


def ask_config(args):
    path = os.path.join(args.directory, "final_config.yaml")
    if not os.path.exists(path):
        return "none"
    without_aisimulate()
    import yaml
    from dynamo.planner.config.planner_config import PlannerConfig

    with open(path, encoding="utf-8") as file:
        configmaps = [d for d in yaml.safe_load_all(file) if d["kind"] == "ConfigMap"]
    texts = [c["data"]["planner_config.json"] for c in configmaps if "planner_config.json" in c["data"]]
    for text in texts:
        written = json.loads(text)
        read = PlannerConfig.model_validate(written)
        for key in ("ttft_ms", "itl_ms", "prefill_engine_num_gpu", "decode_engine_num_gpu", "backend", "profile_results_dir"):
            if getattr(read, key) != written[key]:
                problems.append(f"config: {key} is read as {getattr(read, key)}, not {written[key]}")
    return f"{len(texts)} accepted"


def ask_old(args):
    path = os.path.join(sys.prefix, "planner09", "perf_interpolation.py")
    spec = importlib.util.spec_from_file_location("perf_interpolation", path)
    if not os.path.exists(path):
        raise ImportError(path + " is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    prefill, decode = module.PrefillInterpolator(args.directory), module.DecodeInterpolator(args.directory)
    best = decode.find_best_throughput_per_gpu(args.itl, args.context)
    return {
        "points": [len(prefill.prefill_isl), len(decode.z_itl)],
        "ttft_ms": positive("old: TTFT", prefill.interpolate_ttft(args.isl)),
        "prefill_tokens_per_s_per_gpu": positive("old: prefill throughput", prefill.interpolate_thpt_per_gpu(args.isl)),
        "itl_ms": positive("old: ITL", decode.interpolate_itl(8, args.context)),
        "decode_tokens_per_s_per_gpu": positive("old: decode throughput", decode.interpolate_thpt_per_gpu(8, args.context)),
        "best_tokens_per_s_per_gpu": positive("old: best decode throughput", best[0], True),
        "farthest_off": between_old(args, prefill, decode),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    for name in ("isl", "context", "ttft", "itl"):
        parser.add_argument("--" + name, type=float, help="default: the profile's target")
    args = parser.parse_args()
    target = {"isl": 3000, "osl": 500, "ttft_ms": 300, "itl_ms": 20}
    if os.path.exists(os.path.join(args.directory, "sextant_result.json")):
        with open(os.path.join(args.directory, "sextant_result.json"), encoding="utf-8") as file:
            target = json.load(file)["request"]["sla"]
    args.isl = args.isl or target["isl"]
    args.context = args.context or args.isl + target["osl"] / 2
    args.ttft = args.ttft or target["ttft_ms"]
    args.itl = args.itl or target["itl_ms"]
    answers = {}
    for name, ask in (("config", ask_config), ("new", ask_new), ("old", ask_old)):
        try:
            answers[name] = ask(args)
        except ImportError as error:
            print(f"planner_check: {name}: cannot import the planner's code: {error}", file=sys.stderr)
            return 2
        except Exception as error:  # whatever the planner throws is its refusal
            problems.append(f"{name}: {type(error).__name__}: {error}")
    print(json.dumps(answers, indent=1))
    for problem in problems:
        print("planner_check:", problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
