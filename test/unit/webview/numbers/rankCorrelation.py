"""Spearman's rank correlation by SciPy, and the interval of Bonett and Wright by its formula, with and without ties."""
import json
import math
import pathlib

import numpy
import scipy.stats

cases = []
for seed, (n, ties) in enumerate([(4, False), (12, False), (12, True), (200, True), (200, False)]):
    random = numpy.random.default_rng(seed)
    x = random.normal(size=n)
    y = 0.6 * x + random.normal(size=n)
    if ties:
        x, y = numpy.round(x), numpy.round(y)
    rho = float(scipy.stats.spearmanr(x, y).statistic)
    half = scipy.stats.norm.ppf(0.975) * math.sqrt((1 + rho**2 / 2) / (n - 3))
    interval = [math.tanh(math.atanh(rho) + sign * half) for sign in (-1, 1)]
    cases.append({"x": x.tolist(), "y": y.tolist(), "rho": rho, "interval": interval})

pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(cases) + "\n")
