"""chunk.py: turns rows with the same keys into the bytes of one chunk (docs/performance_tables.md has the format)."""
import zlib

import numpy as np

# Times are kept as round(STEPS_PER_OCTAVE * log2(nanoseconds)): half a step is 0.27 %.
STEPS_PER_OCTAVE = 128


def quantised(times_ms):
    """Logarithmic integers of times; times of 0 (a part that a kernel does not have) become 1e-6 ns."""
    return np.rint(STEPS_PER_OCTAVE * np.log2(np.maximum(times_ms * 1e6, 1e-6))).astype(np.int64)


def restored(steps):
    return np.exp2(steps / STEPS_PER_OCTAVE) / 1e6


def varints(values):
    """LEB128 of non-negative integers."""
    out = bytearray()
    for value in values:
        value = int(value)
        while value >= 128:
            out.append(value & 127 | 128)
            value >>= 7
        out.append(value)
    return bytes(out)


def narrow(values):
    """An index column: one byte each if they fit, else two, after a byte that says which."""
    wide = values.size and values.max() > 255
    return bytes([2 if wide else 1]) + values.astype("<u2" if wide else "u1").tobytes()


def residuals(steps, starts, previous):
    """Differences to what the neighbours suggest, for four predictors; the cheapest wins.

    steps: all points, curve after curve. starts: index of each curve's first point. previous: index of the first point
    of the last curve with the same x values, or -1.
    """
    n = steps.size
    lengths = np.diff(np.append(starts, n))
    curve = np.repeat(np.arange(starts.size), lengths)
    offset = np.arange(n) - starts[curve]
    before = np.where(offset > 0, steps[np.maximum(np.arange(n) - 1, 0)], 0)
    has_above = previous[curve] >= 0
    above_at = np.where(has_above, previous[curve] + offset, 0)
    above = np.where(has_above, steps[above_at], 0)
    above_before = np.where(has_above & (offset > 0), steps[np.maximum(above_at - 1, 0)], 0)
    first_guess = np.where(starts > 0, steps[starts[np.maximum(np.arange(starts.size) - 1, 0)]], 0)
    left = np.where(offset > 0, before, np.where(has_above, above, first_guess[curve]))
    candidates = [
        left,
        np.where(has_above, above, left),
        np.where(has_above & (offset > 0), before + above - above_before, left),
        # Half the slope of the curve above: its noise counts half.
        np.where(has_above & (offset > 0), (2 * before + above - above_before + 1) >> 1, left),
    ]
    best = None
    for kind, guess in enumerate(candidates):
        difference = steps - guess
        cost = np.log2(1 + np.abs(difference)).sum()
        if best is None or cost < best[0]:
            best = (cost, kind, difference)
    return best[1], best[2]


def pack(sites, x, steps):
    """Bytes of a chunk. sites: one row of site coordinates per point; x: curve coordinate; sorted by (sites, x)."""
    n = steps.size
    new_site = np.ones(n, bool)
    if sites.shape[1]:
        new_site[1:] = (sites[1:] != sites[:-1]).any(axis=1)
    else:
        new_site[1:] = False
    starts = np.flatnonzero(new_site)
    lengths = np.diff(np.append(starts, n))
    patterns, pattern_of, last, previous = {}, [], {}, []
    for start, length in zip(starts, lengths):
        key = x[start:start + length].tobytes()
        number = patterns.setdefault(key, len(patterns))
        pattern_of.append(number)
        previous.append(last.get(number, -1))
        last[number] = start
    body = [varints([sites.shape[1], starts.size, len(patterns), n])]
    for axis in range(sites.shape[1]):
        values, index = np.unique(sites[starts, axis], return_inverse=True)
        body.append(varints([values.size]) + varints(np.diff(values, prepend=0)))
        body.append(narrow(index))
    for key in patterns:
        values = np.frombuffer(key, x.dtype)
        body.append(varints([values.size]) + varints(np.diff(values, prepend=0)))
    body.append(narrow(np.array(pattern_of)))
    kind, difference = residuals(steps, starts, np.array(previous))
    small = np.abs(difference) <= 127
    body.append(bytes([kind]) + np.where(small, difference + 127, 255).astype("u1").tobytes())
    body.append(difference[~small].astype("<i4").tobytes())
    raw = b"".join(body)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return raw, packer.compress(raw) + packer.flush()

