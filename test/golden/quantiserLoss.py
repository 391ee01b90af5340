"""The numbers of extension/compression/plan/quantiserLoss.ts: python quantiserLoss.py (numpy and scipy)."""

import numpy as np
from scipy.stats import norm

COUNT = 1 << 21
BLOCKS = [16, 64, 256, 1024, 4096]


def normal_float(bits):
    """Quantiles of the normal distribution, as bitsandbytes makes NF4 (arXiv 2305.14314)."""
    half, offset = 2 ** (bits - 1), 0.9677083
    positive = norm.ppf(np.linspace(offset, 0.5, half + 1)[:-1])
    negative = -norm.ppf(np.linspace(offset, 0.5, half)[:-1])
    values = np.sort(np.concatenate([positive, [0], negative]))
    return values / values.max()


def float8():
    """E4M3 without infinities (OCP 8-bit floats), over its largest value."""
    values = [
        (m / 8) * 2.0**-6 if e == 0 else (1 + m / 8) * 2.0 ** (e - 7)
        for e in range(16)
        for m in range(8)
        if not (e == 15 and m == 7)
    ]
    return np.array(sorted({s * v for s in (1, -1) for v in values}))


def bfloat16(x):
    """To nearest, ties to even."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32).astype(float)


def nearest(x, codes):
    return codes[np.searchsorted((codes[1:] + codes[:-1]) / 2, x)]


def by_table(codes):
    def quantise(x):
        scale = np.abs(x).max(-1, keepdims=True)
        return nearest(x / scale, codes) * scale

    return quantise


def by_short_scales(codes):
    """Scales are stored as bfloat16."""

    def quantise(x):
        scale = bfloat16(np.abs(x).max(-1, keepdims=True) / codes.max())
        return nearest(x / scale, codes) * scale

    return quantise


def mxfp4(x):
    """Scales are powers of two (OCP Microscaling 1.0)."""
    scale = 2.0 ** (np.floor(np.log2(np.abs(x).max(-1, keepdims=True))) - 2)
    codes = np.array(sorted({s * v for s in (1, -1) for v in (0, 0.5, 1, 1.5, 2, 3, 4, 6)}))
    return nearest(np.clip(x / scale, -6, 6), codes) * scale


def bipolar(bits):
    """Odd integers. Codes and the scale that fits them best in turn, from the largest magnitude on, up to eight times."""
    top = 2**bits - 1

    def codes_of(x, scale):
        return np.clip(2 * np.floor(x / scale / 2) + 1, -top, top)

    def quantise(x):
        scale = best = np.abs(x).max(-1, keepdims=True) / top
        least, going = np.full(scale.shape, np.inf), np.full(scale.shape, True)
        for _ in range(8):
            codes = codes_of(x, scale)
            error = ((x - codes * scale) ** 2).sum(-1, keepdims=True)
            going &= error < least
            best, least = np.where(going, scale, best), np.where(going, error, least)
            fitted = (x * codes).sum(-1, keepdims=True) / (codes * codes).sum(-1, keepdims=True)
            scale = np.where(going, fitted, scale)
        return codes_of(x, best) * best

    return quantise


def main():
    random = np.random.default_rng(0)
    entries = [random.uniform(-1, 1, COUNT), random.standard_normal(COUNT), random.laplace(size=COUNT)]
    quantisers = {
        "nf4": by_table(normal_float(4)),
        "nf3": by_table(normal_float(3)),
        "int8": by_short_scales(np.arange(-127.0, 128)),
        "int4": by_short_scales(np.arange(-7.0, 8)),
        "fp8": by_short_scales(float8()),
        "mxfp4": mxfp4,
        **{f"bipolar {bits}": bipolar(bits) for bits in range(1, 9)},
    }
    for name, quantise in quantisers.items():
        for block in [32] if name == "mxfp4" else BLOCKS:
            rows = [x.reshape(-1, block) for x in entries]
            losses = [((quantise(x) - x) ** 2).sum() / (x**2).sum() for x in rows]
            print(name, block, *(f"{loss:.4g}" for loss in losses))


main()
