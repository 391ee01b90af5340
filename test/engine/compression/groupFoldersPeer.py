"""Peer of groupFolders.test.ts. FOLDER NAME:CASE ...: what transformers makes of NAME-CASE, a folder with smaller groups, beside
NAME-CASE-dense, which has zeros in their places, and beside the original NAME, as JSON. A case that ends in "plain" is loaded
without remote code.
"""

import contextlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from transformersPeer import distance, inputs, logits, opened, stored  # noqa: E402


def compare(folder, name, case):
    ours, dense, again = (os.path.join(folder, f"{name}-{case}{end}") for end in ("", "-dense", "-again"))
    architecture, _, load = opened(folder, name)
    options = {} if case.endswith("plain") else {"trust_remote_code": True}
    given = inputs(architecture)
    model, report = load(ours, output_loading_info=True, **options)
    found = logits(model.eval(), given)
    model.save_pretrained(again)
    return {
        "problems": sorted(str(key) for kind in report.values() for key in kind),
        "difference": distance(found, logits(load(dense).eval(), given)),
        "from_original": distance(found, logits(load(os.path.join(folder, name)).eval(), given)),
        "reloaded": distance(logits(load(again, **options).eval(), given), found),
        "parameters": sum(value.numel() for key, value in stored(ours).items() if "kept_" not in key),
        "parameters_of_original": sum(value.numel() for value in stored(os.path.join(folder, name)).values()),
    }


folder, *names = sys.argv[1:]
with contextlib.redirect_stdout(sys.stderr):
    results = {name: compare(folder, *name.split(":")) for name in names}
print(json.dumps(results))
