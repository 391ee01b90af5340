"""Write what WeightWatcher prints of a small network made from a seed: its records and their summary.

python weightwatcherSummary.py > weightwatcherSummary.json
"""
import contextlib
import io
import json
import logging

import torch
import weightwatcher

METRICS = ["alpha", "alpha_weighted", "log_norm", "log_spectral_norm", "log_alpha_norm", "stable_rank"]

torch.manual_seed(15)
network = torch.nn.Sequential(
    torch.nn.Conv2d(3, 24, 3),
    torch.nn.Conv2d(24, 32, 3),
    torch.nn.Linear(96, 64),
    torch.nn.Linear(64, 48),
    torch.nn.Linear(48, 6),
)
for parameter in network.parameters():
    if parameter.dim() > 1:
        # Heavy-tailed, so that tails have an alpha.
        parameter.data = torch.distributions.StudentT(3.0).sample(parameter.shape) * 0.05
logging.disable(logging.CRITICAL)
with contextlib.redirect_stdout(io.StringIO()):
    watcher = weightwatcher.WeightWatcher(model=network)
    details = watcher.analyze()
    summary = watcher.get_summary(details)
records = [
    {"name": row["longname"], "eigenvalues": int(row["num_evals"]), **{key: float(row[key]) for key in METRICS}}
    for _, row in details.iterrows()
]
version = weightwatcher.__version__
print(json.dumps({"version": version, "records": records, "summary": {key: float(summary[key]) for key in METRICS}}, indent=1))
