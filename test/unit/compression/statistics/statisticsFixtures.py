"""
Writes test/unit/compression/statistics/statisticsFixtures.json: imatrix files in both forms, a file of Gram matrices, and
what numpy says that they hold. Needs numpy, gguf and safetensors:

    python test/unit/compression/statistics/statisticsFixtures.py > test/unit/compression/statistics/statisticsFixtures.json
"""
import base64
import json
import os
import struct
import tempfile

import gguf
import numpy as np
from safetensors.numpy import save

TOKENS = 40
EXPERTS = 3
random = np.random.default_rng(14)


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def inputs(width: int) -> np.ndarray:
    return random.standard_normal((TOKENS, width)).astype(np.float32) * np.linspace(0.1, 3, width, dtype=np.float32) + 0.2


# Inputs of the weights, by llama.cpp's names. Expert 1 of the stack gets every second token, expert 2 none.
ATTENTION, DOWN, ROUTED = inputs(6), inputs(8), inputs(6)
ROUTES = [ROUTED, ROUTED[::2], ROUTED[:0]]


def imatrix_gguf() -> bytes:
    path = os.path.join(tempfile.mkdtemp(), "imatrix.gguf")
    writer = gguf.GGUFWriter(path, "")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["text.txt"])
    writer.add_uint32("imatrix.chunk_count", 5)
    writer.add_uint32("imatrix.chunk_size", 8)
    for name, x in {"blk.0.attn_q.weight": ATTENTION, "blk.0.ffn_down.weight": DOWN}.items():
        writer.add_tensor(f"{name}.in_sum2", np.square(x).sum(0, dtype=np.float32)[None])
        writer.add_tensor(f"{name}.counts", np.array([[TOKENS]], np.float32))
    name = "blk.0.ffn_up_exps.weight"
    writer.add_tensor(f"{name}.in_sum2", np.stack([np.square(x).sum(0, dtype=np.float32) for x in ROUTES]))
    writer.add_tensor(f"{name}.counts", np.array([[len(x)] for x in ROUTES], np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with open(path, "rb") as file:
        return file.read()


def imatrix_binary() -> bytes:
    """As llama.cpp wrote it before GGUF: means times the number of calls."""
    calls = 5
    entries = {
        "blk.0.attn_q.weight": np.square(ATTENTION).mean(0) * calls,
        "blk.0.ffn_down.weight": np.square(DOWN).mean(0) * calls,
        "blk.0.ffn_up_exps.weight": np.concatenate([np.square(x).mean(0) for x in [ROUTED, ROUTED[::2], ROUTED]]) * calls,
    }
    data = struct.pack("<i", len(entries))
    for name, values in entries.items():
        data += struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii", calls, len(values))
        data += values.astype(np.float32).tobytes()
    return data + struct.pack("<ii", calls, len(b"text.txt")) + b"text.txt"


def grams() -> bytes:
    fisher = random.random((4, 6)).astype(np.float32)
    expected["fisher"] = fisher.astype(float).ravel().tolist()
    return save({
        # By the module's name, and by the weight's.
        "model.layers.0.self_attn.q_proj.input_gram": (ATTENTION.T @ ATTENTION),
        "model.layers.0.self_attn.q_proj.input_mean": ATTENTION.mean(0),
        "model.layers.0.self_attn.q_proj.input_abs_mean": np.abs(ATTENTION).mean(0),
        "model.layers.0.self_attn.q_proj.tokens": np.array(TOKENS, np.int64),
        "model.layers.0.self_attn.q_proj.fisher": fisher,
        "model.layers.0.mlp.down_proj.weight.input_gram": (DOWN.T @ DOWN).astype(np.float64),
    }, {"eigenscope.synthetic": "true"})


def doubles(x: np.ndarray) -> list:
    return x.astype(np.float64).ravel().tolist()


eigenvalues = np.linalg.eigvalsh(ATTENTION.astype(np.float64).T @ ATTENTION.astype(np.float64))
expected = {
    "attention": {
        "squareMean": doubles(np.square(ATTENTION.astype(np.float64)).mean(0)),
        "gram": doubles(ATTENTION.astype(np.float64).T @ ATTENTION.astype(np.float64)),
        "mean": doubles(ATTENTION.astype(np.float64).mean(0)),
        "absMean": doubles(np.abs(ATTENTION.astype(np.float64)).mean(0)),
        "condition": float(eigenvalues[-1] / eigenvalues[0]),
    },
    "down": {
        "squareMean": doubles(np.square(DOWN.astype(np.float64)).mean(0)),
        "gram": doubles(DOWN.astype(np.float64).T @ DOWN.astype(np.float64)),
    },
    "experts": [doubles(np.square(x.astype(np.float64)).mean(0)) for x in ROUTES[:2]],
    "tokens": TOKENS,
}
files = {"gguf": text(imatrix_gguf()), "binary": text(imatrix_binary()), "safetensors": text(grams())}
print(json.dumps({"files": files, "expected": expected}))
