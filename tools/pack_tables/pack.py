"""pack.py: packs the measured tables of a wheel of aiconfigurator-core into one file. Called by tools/import_tables."""
import argparse
import os
import struct
import sys
import zipfile
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import chunk
import columns

MAGIC = b"SXTABLES"
FORMAT = 1
ROOT = "aiconfigurator_core/systems/"

NOTICE = """Measured kernel times from the Python package aiconfigurator-core {version} (https://pypi.org/project/aiconfigurator-core/),
Copyright (c) NVIDIA CORPORATION & AFFILIATES, licensed under the Apache License, Version 2.0
(https://www.apache.org/licenses/LICENSE-2.0).
Changed: the parquet tables were joined into this file, of repeated shapes the first row was kept, times were rounded to
0.27 %, and columns that do not name a shape were left out. Each table below names the file it comes from.
"""


class directory:
    """Collects strings, tables and chunks; its bytes end the file."""

    def __init__(self):
        self.strings, self.tables, self.documents = {}, [], []

    def text(self, value):
        return self.strings.setdefault(value, len(self.strings))

    def bytes(self):
        body = []
        for name, offset, size, raw_size, checksum in self.documents:
            body += [self.text(name), offset, size, raw_size, checksum]
        body = [len(self.documents)] + body + [len(self.tables)]
        for names, rows, chunks in self.tables:
            body += [self.text(name) for name in names] + [rows, len(chunks)]
            for c in chunks:
                body += [len(c["keys"])] + [self.text(t) for pair in c["keys"] for t in pair]
                body += [self.text(c["kernels"]), self.text(c["curve"]), len(c["axes"])] + [self.text(a) for a in c["axes"]]
                body += [c["offset"], c["size"], c["raw_size"], c["rows"], c["checksum"]]
        texts = [chunk.varints([len(self.strings)])]
        for text in self.strings:  # in order of first use
            encoded = text.encode()
            texts.append(chunk.varints([len(encoded)]) + encoded)
        return b"".join(texts) + chunk.varints(body)


class tally:
    """What the import did, for people."""

    def __init__(self):
        self.rows = self.kept = self.repeated = self.tables = self.chunks = self.invalid = 0
        self.errors = []

    def errors_of(self, exact, steps):
        timed = exact > 1e-9
        self.errors.append(np.abs(chunk.restored(steps[timed]) / exact[timed] - 1).astype("f4"))


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return packer.compress(data) + packer.flush()


def split(parquet):
    """(text columns as {name: (values, codes)}, number columns as {name: array}) of a table."""
    texts, numbers = {}, {}
    for name in parquet.column_names:
        if name in columns.IGNORED or name in columns.DERIVED or name in columns.TIMES:
            continue
        column = parquet[name].combine_chunks()
        if pa.types.is_integer(column.type) and name not in columns.NAMING:
            numbers[name] = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
            continue
        encoded = column.cast(pa.string()).fill_null("").dictionary_encode()
        texts[name] = (encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64))
    if "batch_size" in numbers and "seq_len" in numbers:
        numbers.pop("num_tokens", None)  # their product
    return texts, numbers


def without_repeats(sizes, kernels):
    """Splits sorted rows with equal sizes: [rows to keep first, rows of other kernels...] as index arrays."""
    first = np.ones(len(sizes), bool)
    first[1:] = (sizes[1:] != sizes[:-1]).any(axis=1)
    starts = np.flatnonzero(first)
    group_kernel = kernels[starts][np.cumsum(first) - 1]
    kept = [np.flatnonzero(first)]
    others = np.flatnonzero(~first & (kernels != group_kernel))
    for kernel in np.unique(kernels[others]):
        rows = others[kernels[others] == kernel]
        fresh = np.ones(rows.size, bool)
        fresh[1:] = (sizes[rows[1:]] != sizes[rows[:-1]]).any(axis=1)
        kept.append(rows[fresh])
    return kept


def chunks_of(table, parquet, write, counts):
    """Packs one table; returns the directory entries of its chunks."""
    texts, numbers = split(parquet)
    kernel_names, kernels = texts.pop("kernel_source")
    if table in columns.KERNELS_ARE_PARTS:
        texts["part"] = (kernel_names, kernels)
    ranks = np.array([columns.kernel_rank(name) for name in kernel_names])[kernels]
    keys = np.zeros(parquet.num_rows, np.int64)
    for values, codes in texts.values():
        keys = keys * len(values) + codes
    entries = []
    for column, factor in columns.time_columns(table, parquet.column_names):
        times = parquet[column].to_numpy() * factor
        valid = np.isfinite(times) & (times >= 0)
        counts.rows += times.size
        counts.invalid += int((~valid).sum())
        for key in np.unique(keys[valid]):
            rows = np.flatnonzero(valid & (keys == key))
            curves = [name for name in columns.CURVES if name in numbers]
            curve = max(curves, key=lambda name: np.unique(numbers[name][rows]).size)
            axes = sorted(name for name in numbers if name != curve)
            sizes = np.stack([numbers[name][rows] for name in axes] + [numbers[curve][rows]], axis=1)
            order = np.lexsort((np.arange(rows.size), ranks[rows]) + tuple(sizes.T[::-1]))
            rows, sizes = rows[order], sizes[order]
            for number, part in enumerate(without_repeats(sizes, kernels[rows])):
                steps = chunk.quantised(times[rows[part]])
                counts.errors_of(times[rows[part]], steps)
                raw, packed = chunk.pack(sizes[part, :-1], sizes[part, -1], steps)
                used = [kernel_names[k] for k in np.unique(kernels[rows[part]])]
                named = [(name, values[codes[rows[0]]]) for name, (values, codes) in texts.items()]
                if column != "latency":
                    named.append(("time", column))
                if number:
                    named.append(("kernel", used[0]))
                entries.append({"keys": named, "kernels": "+".join(used), "curve": curve, "axes": axes, "rows": part.size,
                                "offset": write(packed), "size": len(packed), "raw_size": len(raw), "checksum": zlib.crc32(packed)})
                counts.kept += part.size
    counts.chunks += len(entries)
    return entries


def pack(wheel_path, output):
    counts = tally()
    listing = directory()
    with zipfile.ZipFile(wheel_path) as wheel, open(output, "wb") as out:
        out.write(bytes(48))

        def write(data):
            place = out.tell()
            out.write(data)
            return place

        def document(name, data):
            packed = deflated(data)
            listing.documents.append((name, write(packed), len(packed), len(data), zlib.crc32(packed)))

        names = sorted(wheel.namelist())
        metadata = next(n for n in names if n.endswith(".dist-info/METADATA"))
        version = next(line.split(": ")[1] for line in wheel.read(metadata).decode().splitlines() if line.startswith("Version: "))
        document("NOTICE", NOTICE.format(version=version).encode())
        for name in names:
            if name.startswith(ROOT) and name.count("/") == 2 and name.endswith(".yaml") and "manifest" not in name:
                document(name[len(ROOT):], wheel.read(name))
        seen = {}
        for name in names:
            if not (name.startswith(ROOT + "data/") and name.endswith(".parquet")):
                continue
            data = wheel.read(name)
            # data/<system>/<family>/<back end>/<version>/<op>_perf.parquet
            system, _, backend, its_version, file_name = name[len(ROOT) + 5:].split("/")
            table = file_name[:-len(".parquet")]
            parquet = pq.read_table(pa.BufferReader(data))
            if data in seen:  # reused as it is by another version or system
                entries = seen[data]
                counts.repeated += parquet.num_rows
                counts.rows += parquet.num_rows
            else:
                seen[data] = entries = chunks_of(table, parquet, write, counts)
            listing.tables.append(((system, backend, its_version, table, name), parquet.num_rows, entries))
            counts.tables += 1
        # Two passes: the first collects the strings, the second uses them all.
        listing.bytes()
        raw = listing.bytes()
        packed = deflated(raw)
        place = write(packed)
        size = out.tell()
        head = MAGIC + struct.pack("<IIQQQI", FORMAT, zlib.crc32(packed), size, place, len(packed), len(raw))
        out.seek(0)
        out.write(head + struct.pack("<I", zlib.crc32(head)))
    return counts, size, version


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", required=True)
    parser.add_argument("--output", required=True)
    given = parser.parse_args()
    os.makedirs(os.path.dirname(os.path.abspath(given.output)), exist_ok=True)
    unfinished = given.output + ".part"
    try:
        counts, size, version = pack(given.wheel, unfinished)
    except (zipfile.BadZipFile, StopIteration, ValueError, KeyError) as problem:
        sys.exit(f"import_tables: '{given.wheel}' is not a wheel of aiconfigurator-core with the tables this reads: {problem!r}")
    os.replace(unfinished, given.output)
    errors = np.concatenate(counts.errors)
    print(f"{given.output}: {size / 1e6:.2f} MB from aiconfigurator-core {version}")
    print(f"  {counts.tables} tables in {counts.chunks} chunks; {counts.rows} times read, {counts.kept} kept "
          f"({100 * counts.kept / counts.rows:.1f} %), {counts.rows - counts.kept - counts.invalid} repeat a shape, "
          f"{counts.invalid} are no times")
    print(f"  kept against original times: median difference {100 * np.median(errors):.3f} %, worst {100 * errors.max():.3f} %")


if __name__ == "__main__":
    main()
