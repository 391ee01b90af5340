"""Spectra, and D and alpha from every xmin on by WeightWatcher's own search: `python distanceFixtures.py`.

Writes distanceFixtures.json beside it. Needs weightwatcher (0.7.7 made the file).
"""

import json
import pathlib

import numpy as np
import weightwatcher
from weightwatcher.WW_powerlaw import WWFit

rng = np.random.default_rng(20261130)
gaussian = np.linalg.svd(rng.standard_normal((96, 48)), compute_uv=False) ** 2
heavy = (1 - (np.arange(60) + 0.5) / 60) ** (-1 / 1.4) * np.exp(0.2 * rng.standard_normal(60))
bulk = np.linalg.svd(0.1 * rng.standard_normal((64, 40)), compute_uv=False) ** 2
mixed = np.concatenate([bulk, 3 * (1 - rng.random(20)) ** (-1 / 1.5)])

fixtures = []
for name, values in [('Gaussian', gaussian), ('Pareto with noise', heavy), ('bulk and tail', mixed)]:
    evals = np.sort(values)
    fit = WWFit(evals)
    fixtures.append(
        {
            'name': name,
            'eigenvalues': evals.tolist(),
            'Ds': np.asarray(fit.Ds, float).tolist(),
            'alphas': np.asarray(fit.alphas, float).tolist(),
            'xmin': float(fit.xmin),
        }
    )
    print(name, len(evals), float(fit.xmin), float(fit.D), float(fit.alpha))

target = pathlib.Path(__file__).parent / 'distanceFixtures.json'
target.write_text(json.dumps({'version': weightwatcher.__version__, 'fixtures': fixtures}) + '\n')
