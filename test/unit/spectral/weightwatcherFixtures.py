"""Spectra, and what WeightWatcher's own mp_fit prints for them: `python weightwatcherFixtures.py [CHECKPOINT.safetensors …]`.

Writes test/unit/spectral/weightwatcherFixtures.json. Needs weightwatcher (0.7.7 made the file), torch and safetensors.
"""

import json
import pathlib
import sys

import numpy as np
import weightwatcher
from weightwatcher.constants import *  # noqa: F403

rng = np.random.default_rng(20240229)


def pareto(rows, cols):
    u, _, vt = np.linalg.svd(rng.standard_normal((rows, cols)), full_matrices=False)
    sigma = np.sqrt(np.sort((1 - np.arange(cols) / cols - 0.5 / cols) ** (-1 / 1.6))[::-1])
    return (u * sigma) @ vt


def spiked(rows, cols):
    a, b = rng.standard_normal((rows, 3)), rng.standard_normal((3, cols))
    return rng.standard_normal((rows, cols)) + 0.9 * a @ b


made = {
    'Gaussian 64 × 64': [rng.standard_normal((64, 64))],
    'Gaussian 128 × 64': [0.02 * rng.standard_normal((128, 64))],
    'uniform 200 × 40': [rng.uniform(-1, 1, (200, 40))],
    'three spikes 128 × 96': [spiked(128, 96)],
    'Pareto 96 × 96': [pareto(96, 96)],
    'Pareto 160 × 80': [pareto(160, 80)],
    'convolution 24 × 16 × 9': list(rng.standard_normal((9, 24, 16)) * np.sqrt(0.5)),
}
for path in sys.argv[1:]:
    from safetensors.torch import load_file

    for name, tensor in load_file(path).items():
        if tensor.ndim == 2 and min(tensor.shape) >= 16 and max(tensor.shape) <= 1024 and len(made) < 15:
            made[name] = [tensor.double().numpy()]

watcher = weightwatcher.WeightWatcher()
fixtures = []
for name, matrices in made.items():
    N, M = max(matrices[0].shape), min(matrices[0].shape)
    evals = np.sort(np.concatenate([np.linalg.svd(w, compute_uv=False) ** 2 for w in matrices]))
    spikes, sigma, softrank, _, bulk_max, _ = watcher.mp_fit(
        evals, N, M, len(matrices), name, 0, 0, False, False, '', 'blue', 0.5, True, evals
    )
    fixtures.append(
        {
            'name': name,
            'N': N,
            'M': M,
            'eigenvalues': evals.tolist(),
            'num_spikes': int(spikes),
            'sigma_mp': float(sigma),
            'mp_softrank': float(softrank),
            'bulk_max': float(bulk_max),
        }
    )
    print(name, N, M, int(spikes), float(sigma), float(softrank))

target = pathlib.Path(__file__).parent / 'weightwatcherFixtures.json'
target.write_text(json.dumps({'version': weightwatcher.__version__, 'fixtures': fixtures}) + '\n')
