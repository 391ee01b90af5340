"""Writes quantiserFixtures.json: a matrix, and what other programs make of it, block by block of a row.

nf4: bitsandbytes. int8, int4, fp8, mxfp4: compressed-tensors' own quantise and dequantise, with scales by the rules that
extension/compression/quantisers names. nf3 and bipolar integers have no such program: numpy, from their definitions.

python test/unit/compression/quantisers/quantiserFixtures.py (bitsandbytes, compressed-tensors, numpy, scipy, torch)
"""

import base64
import json
import pathlib

import bitsandbytes
import numpy as np
import torch
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import dequantize, quantize
from scipy.stats import norm

ROWS, COLUMNS, BLOCK = 8, 192, 64

generator = np.random.default_rng(14)
w = generator.standard_normal((ROWS, COLUMNS)) * np.exp(generator.uniform(-6, 6, (ROWS, 1)))
w[1] = generator.standard_t(2, COLUMNS)
w[2, 64:128] = 0
w[3] = 0.25
w[4] *= 1e-30
w[5] *= 1e30
w[6, ::3] = 0
w = w.astype(np.float32)


def blocks(matrix, size):
    return matrix.reshape(ROWS, COLUMNS // size, size)


def largest(size):
    return np.abs(blocks(w.astype(np.float64), size)).max(axis=2)


def scales(most):
    return (largest(BLOCK) / most).astype(np.float32)


def bfloat16_scales(most):
    return torch.from_numpy((largest(BLOCK) / most).astype(np.float32)).bfloat16().float().numpy()


def peer(scale, size, **arguments):
    """compressed-tensors, with the scale given. A scale of 0 would divide 0 by 0."""
    args = QuantizationArgs(strategy="group", group_size=size, symmetric=True, **arguments)
    scale = torch.from_numpy(np.where(scale == 0, 1, scale).astype(np.float32))
    codes = quantize(torch.from_numpy(w), scale, torch.zeros_like(scale), args)
    return dequantize(codes, scale, args=args, dtype=torch.float32).numpy()


def nf4():
    packed, state = bitsandbytes.functional.quantize_4bit(torch.from_numpy(w), blocksize=BLOCK, quant_type="nf4")
    return bitsandbytes.functional.dequantize_4bit(packed, state).numpy()


def nf3():
    """NF4's rule with 2 ** 3 values."""
    offset = 0.9677083
    left, right = np.linspace(1 - offset, 0.5, 4)[:-1], np.linspace(0.5, offset, 5)
    values = (norm.ppf(np.concatenate([left, right])) / norm.ppf(offset)).astype(np.float32)
    scale = scales(1)
    safe = np.where(scale == 0, 1, scale)[:, :, None]
    nearest = np.abs(blocks(w, BLOCK)[..., None].astype(np.float64) / safe[..., None] - values).argmin(axis=3)
    return (values[nearest] * scale[:, :, None]).astype(np.float32)


def mxfp4_scales():
    """2 ** (floor(log2(max)) - 2), at least 2 ** -127."""
    mantissa, exponent = np.frexp(largest(32))
    return np.where(mantissa == 0, 2.0**-127, 2.0 ** np.maximum(exponent - 3, -127))


def sign():
    """One bit: sign(x) * mean|x|."""
    scale = np.abs(blocks(w.astype(np.float64), BLOCK)).mean(axis=2).astype(np.float32)
    return (np.where(blocks(w, BLOCK) < 0, -1, 1) * scale[:, :, None]).astype(np.float32)


def least_bipolar(bits):
    """The least squared error of each block over many scales: what no encoder can beat by much."""
    levels = np.arange(-(2**bits - 1), 2**bits, 2)
    most = largest(BLOCK)
    best = np.full(most.shape, np.inf)
    x = blocks(w.astype(np.float64), BLOCK)
    for share in np.linspace(0.05, 1, 400):
        scale = (most * share / levels[-1])[:, :, None]
        safe = np.where(scale == 0, 1, scale)
        codes = np.clip(np.round((x / safe - levels[0]) / 2), 0, len(levels) - 1).astype(int)
        best = np.minimum(best, ((x - levels[codes] * scale) ** 2).sum(axis=2))
    return best.reshape(-1).tolist()


def text(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype=np.float32).tobytes()).decode()


result = {
    "rows": ROWS,
    "columns": COLUMNS,
    "block": BLOCK,
    "matrix": text(w),
    "decoded": {
        "nf4": text(nf4()),
        "nf3": text(nf3()),
        "int8": text(peer(bfloat16_scales(127), BLOCK, num_bits=8, type="int")),
        "int4": text(peer(bfloat16_scales(7), BLOCK, num_bits=4, type="int")),
        "fp8": text(peer(bfloat16_scales(448), BLOCK, num_bits=8, type="float")),
        "mxfp4": text(peer(mxfp4_scales(), 32, num_bits=4, type="float")),
        "sign": text(sign()),
    },
    "leastBipolar": {str(bits): least_bipolar(bits) for bits in (2, 3)},
}
target = pathlib.Path(__file__).with_name("quantiserFixtures.json")
target.write_text(json.dumps(result) + "\n")
