#!/usr/bin/env python3
"""Loads the AIPerf exports of a folder with the models of the aiperf package itself, and recomputes them with numpy.

run:  build/python/aiperf/bin/python test/interop/aiperf_models_check.py FOLDER...
exit: 0 good, 1 something is wrong, 77 no aiperf package
"""
import json
import pathlib
import sys

try:
    import numpy as np
    from aiperf.common.models.dataset_models import InputsFile
    from aiperf.common.models.export_models import JsonExportData, JsonMetricResult
    from aiperf.common.models.record_models import MetricRecordInfo
except ImportError as error:
    print("aiperf_models_check: skipped, no aiperf package:", error)
    sys.exit(77)

SAMPLED = ["time_to_first_token", "request_latency", "inter_token_latency", "inter_chunk_latency", "output_sequence_length"]


def close(a, b):
    return abs(a - b) <= 1e-6 * max(1.0, abs(a), abs(b))


def check(folder):
    folder = pathlib.Path(folder)
    payload = json.loads((folder / "profile_export_aiperf.json").read_text())
    summary = JsonExportData.model_validate(payload)
    metrics = JsonMetricResult.project_summary_dict(payload)
    records = [MetricRecordInfo.model_validate_json(line) for line in (folder / "profile_export.jsonl").read_text().splitlines()]
    inputs = InputsFile.model_validate_json((folder / "inputs.json").read_text())
    assert summary.input_config is not None and inputs.data is not None
    profiling = [r for r in records if str(r.metadata.benchmark_phase) == "profiling"]
    good = [r for r in profiling if r.error is None]
    assert len(good) == summary.request_count.avg, f"{len(good)} good records, {summary.request_count.avg} in the summary"
    assert len(profiling) - len(good) == summary.error_request_count.avg
    for tag in SAMPLED:
        if tag not in metrics:
            continue
        values = np.concatenate([np.atleast_1d(r.metrics[tag].value) for r in good if tag in r.metrics])
        m = metrics[tag]
        assert m.count == len(values), f"{tag}: {m.count} samples in the summary, {len(values)} in the records"
        for name, expected in [("avg", values.mean()), ("std", values.std()), ("min", values.min()), ("max", values.max())]:
            assert close(getattr(m, name), expected), f"{tag}.{name}: {getattr(m, name)} is not {expected}"
        for p in (1, 5, 10, 25, 50, 75, 90, 95, 99):
            expected = np.percentile(values, p)
            assert close(getattr(m, f"p{p}"), expected), f"{tag}.p{p}: {getattr(m, f'p{p}')} is not {expected}"
    print(f"aiperf_models_check: {folder}: {len(records)} records, {len(metrics)} metrics are good")


def main(folders):
    try:
        for folder in folders:
            check(folder)
    except (AssertionError, ValueError) as error:
        print("aiperf_models_check:", error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
