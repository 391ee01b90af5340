"""
Writes test/unit/checkpoint/wrappers/adapterFixtures.json: LoHa and LoKr adapters as PEFT saves them, with what PEFT's
get_delta_weight makes of each, and a low-rank branch in the tiles of Nunchaku. Needs torch, peft, safetensors, numpy:

    python test/unit/checkpoint/wrappers/adapterFixtures.py > test/unit/checkpoint/wrappers/adapterFixtures.json
"""
import base64
import json
import pathlib
import tempfile

import numpy as np
import torch
from peft import LoHaConfig, LoKrConfig, get_peft_model
from safetensors.numpy import save
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 8)
        self.conv = nn.Conv2d(4, 6, 3)
        self.wide = nn.Linear(12, 10)


EVERY = dict(target_modules=["fc", "conv", "wide"], init_weights=False)
CONFIGS = {
    "LoHa": LoHaConfig(r=2, alpha=6, **EVERY),
    "LoHa with a core": LoHaConfig(r=2, alpha=6, use_effective_conv2d=True, **EVERY),
    "LoHa with patterns": LoHaConfig(r=2, alpha=6, rank_pattern={"wide": 3}, alpha_pattern={"fc": 5}, **EVERY),
    "LoKr": LoKrConfig(r=2, alpha=6, **EVERY),
    "LoKr of factors": LoKrConfig(r=1, alpha=6, decompose_both=True, **EVERY),
    "LoKr with a core": LoKrConfig(r=1, alpha=6, use_effective_conv2d=True, decompose_factor=2, **EVERY),
}


def adapter(config) -> dict:
    torch.manual_seed(14)
    model = get_peft_model(Model(), config)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    folder = pathlib.Path(tempfile.mkdtemp())
    model.save_pretrained(folder)
    weights = {}
    for name in ("fc", "conv", "wide"):
        delta = model.get_submodule(f"base_model.model.{name}").get_delta_weight("default").detach().double()
        weights[name] = {"shape": list(delta.shape), "values": delta.flatten().tolist()}
    text = json.loads((folder / "adapter_config.json").read_text())
    kept = ("peft_type", "r", "alpha", "rank_pattern", "alpha_pattern", "use_effective_conv2d")
    return {
        "file": base64.b64encode((folder / "adapter_model.safetensors").read_bytes()).decode(),
        "config": {key: text[key] for key in kept if key in text},
        "weights": weights,
    }


def tiles(matrix: np.ndarray) -> np.ndarray:
    """Each 16 x 16 tile in the order of the GPU's lanes: rows by 2 x 8, columns by 2 x 4 x 2."""
    rows, columns = matrix.shape
    cut = matrix.reshape(rows // 16, 16, columns // 16, 16).transpose(0, 2, 1, 3)
    return cut.reshape(rows // 16, columns // 16, 2, 8, 2, 4, 2).transpose(0, 1, 3, 5, 2, 4, 6)


def nunchaku() -> dict:
    random = np.random.default_rng(14)
    outputs, inputs, rank = 48, 64, 32
    up, down = (random.standard_normal(shape).astype(np.float16) for shape in ((outputs, rank), (rank, inputs)))
    # The tiles of the one that reads the inputs follow one another by inputs first.
    packed = tiles(down).transpose(1, 0, 2, 3, 4, 5, 6)
    tensors = {
        "blocks.0.qkv.qweight": np.zeros((outputs, inputs // 2), np.int8),
        "blocks.0.qkv.proj_up": tiles(up).reshape(outputs, rank),
        "blocks.0.qkv.proj_down": packed.reshape(inputs, rank),
    }
    product = up.astype(np.float64) @ down.astype(np.float64)
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    return {"file": base64.b64encode(save(tensors)).decode(), "shape": [outputs, inputs], "values": np.round(product, 9).ravel().tolist()}


print(json.dumps({"adapters": {name: adapter(config) for name, config in CONFIGS.items()}, "nunchaku": nunchaku()}))
