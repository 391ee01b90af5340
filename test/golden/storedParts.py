"""Adds up stored parts with numpy alone, from their bytes, and prints ‖W − Ŵ‖/‖W‖ of each job.

Reads a JSON list from standard input: {"w", "outputs", "inputs", "base", "parts": [{"kind", "fields", "values"}]}; arrays are
{"dtype", "shape", "bytes"} with base64.
"""

import base64
import json
import statistics
import sys

import numpy as np


def array(field):
    raw = np.frombuffer(base64.b64decode(field["bytes"]), dtype=np.uint8)
    dtype = field["dtype"]
    if dtype == "BF16":
        values = (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        kinds = {"F64": np.float64, "F32": np.float32, "I32": np.int32, "I8": np.int8, "U8": np.uint8, "F8_E4M3": np.uint8}
        values = raw.view(kinds[dtype])
    return values.reshape(field["shape"])


def normal_float(bits):
    """Quantiles of the normal distribution, QLoRA's rule."""
    quantile = statistics.NormalDist().inv_cdf
    offset = 0.9677083
    left = np.linspace(1 - offset, 0.5, 2 ** (bits - 1))[:-1]
    right = np.linspace(0.5, offset, 2 ** (bits - 1) + 1)
    values = np.array([quantile(p) if p != 0.5 else 0.0 for p in [*left, *right]])
    return values / quantile(offset)


# QLoRA, appendix E.
NF4 = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635]
NF4 += [-0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725]
NF4 += [0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]
assert np.abs(normal_float(4) - NF4).max() < 2e-7
E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]


def e4m3(code):
    sign, exponent, fraction = (-1) ** (code >> 7), (code >> 3) & 15, code & 7
    return sign * (fraction / 8 * 2.0**-6 if exponent == 0 else (1 + fraction / 8) * 2.0 ** (exponent - 7))


def quantised(fields, values, inputs):
    codes, scales = array(fields["codes"]), array(fields["scales"])
    name, bits, block = values["quantiser"], values["bits"], values["block"]
    if bits < 8:
        rows = np.unpackbits(codes, axis=1, bitorder="little")[:, : inputs * bits]
        codes = (rows.reshape(len(codes), inputs, bits) << np.arange(bits)).sum(axis=2)
    if name == "mxfp4":
        scales = 2.0 ** (scales.astype(np.float64) - 127)
    if name == "int8":
        numbers = codes.astype(np.float64)
    elif name == "bipolar":
        numbers = 2.0 * codes - (2**bits - 1)
    else:
        table = {
            "nf4": np.array(NF4),
            "nf3": normal_float(3),
            "int4": np.arange(16) - 8,
            "fp8": np.array([e4m3(code) for code in range(256)]),
            "mxfp4": np.array(E2M1 + [-value for value in E2M1]),
        }[name]
        numbers = table.astype(np.float32).astype(np.float64)[codes]
    repeated = np.repeat(scales.astype(np.float64), block, axis=1)[:, :inputs]
    return (numbers * repeated).astype(np.float32).astype(np.float64)


def dense(part, outputs, inputs):
    fields, values = part["fields"], part["values"]
    if part["kind"] == "quantised":
        return quantised(fields, values, inputs)
    if part["kind"] == "product":
        return array(fields["left"]).astype(np.float64) @ array(fields["right"]).astype(np.float64)
    whole = np.zeros((outputs, inputs))
    if part["kind"] == "columns":
        whole[:, array(fields["indices"])] = array(fields["values"])
    else:
        whole[array(fields["rows"]), array(fields["columns"])] = array(fields["values"])
    return whole


results = []
for job in json.load(sys.stdin):
    w = array(job["w"])
    parts = [dense(part, job["outputs"], job["inputs"]) for part in job["parts"]]
    left = w - sum(parts) - (array(job["base"]) if job["base"] else 0)
    result = {"error": float(np.linalg.norm(left) / np.linalg.norm(w))}
    if len(parts) == 1 and job["parts"][0]["kind"] == "quantised":
        result["decoded"] = base64.b64encode(parts[0].tobytes()).decode()
    results.append(result)
print(json.dumps(results))
