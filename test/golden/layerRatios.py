"""Writes layerRatios.json: layer ratios by the formula of AlphaPruning's program (`ww_sparsity`), written here anew, which
FARMS's program has too, from the alphas that both published for LLaMA-7B. They published no ratios of single layers.
python layerRatios.py llama-7b-alpha.json layerRatios.json (numpy)

https://github.com/haiquanlu/AlphaPruning, https://github.com/HUST-AI-HYZ/FARMS
"""

import json
import sys

import numpy as np

SHAPES = {"q_proj": 4096 * 4096, "k_proj": 4096 * 4096, "v_proj": 4096 * 4096, "o_proj": 4096 * 4096}
WIDE = 4096 * 11008


def ratios(alpha, parameters, sparsity, epsilon, block_wise):
    metrics = np.array(alpha)
    if block_wise:
        per_block = 7
        means = [np.mean(metrics[i : i + per_block]) for i in range(0, len(metrics), per_block)]
        metrics = np.repeat(means, per_block)
    low, high = 1 - epsilon, 1 + epsilon
    layerwise = (metrics - metrics.min()) / (metrics.max() - metrics.min()) * (high - low) + low
    scale = parameters.sum() * sparsity / (parameters * layerwise).sum()
    return layerwise * scale


def main():
    source, target = sys.argv[1:]
    with open(source) as file:
        alphas = json.load(file)
    layers = alphas["layers"]
    parameters = np.array([SHAPES.get(name.split(".")[-1], WIDE) for name in layers], dtype=float)
    cases = [
        {
            "metric": metric,
            "sparsity": sparsity,
            "epsilon": epsilon,
            "block_wise": block_wise,
            "ratios": [float(f"{x:.12g}") for x in ratios(alphas[metric], parameters, sparsity, epsilon, block_wise)],
        }
        for metric in alphas
        if metric not in ("source", "layers")
        for sparsity, epsilon, block_wise in [(0.7, 0.3, False), (0.5, 0.2, True)]
    ]
    with open(target, "w") as file:
        json.dump({"cases": cases}, file, indent=0)
        file.write("\n")


main()
