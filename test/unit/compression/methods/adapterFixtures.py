"""Writes adapterFixtures.json: what PEFT makes of a layer when it starts an adapter, as products of the factors.

PiSSA and OLoRA: LoraConfig(init_lora_weights=...). LoftQ: peft.utils.loftq_utils.loftq_init on the CPU; bitsandbytes
rounds, in blocks of 64 elements.

python test/unit/compression/methods/adapterFixtures.py (bitsandbytes, numpy, peft, torch)
"""

import base64
import inspect
import json
import pathlib
import textwrap

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from peft.utils import loftq_utils

OUTPUTS, INPUTS, RANK = 24, 64, 4

torch.manual_seed(14)
spectrum = torch.exp(-torch.arange(OUTPUTS) / 5)
w = torch.linalg.qr(torch.randn(OUTPUTS, OUTPUTS))[0] * spectrum @ torch.linalg.qr(torch.randn(INPUTS, OUTPUTS))[0].T


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(INPUTS, OUTPUTS, bias=False)
        self.fc.weight.data = w.clone()


def text(tensor):
    return base64.b64encode(np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32).tobytes()).decode()


def started(name):
    config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules=["fc"], init_lora_weights=name)
    layer = get_peft_model(Model(), config).base_model.model.fc
    return {
        "base": text(layer.base_layer.weight),
        "product": text(layer.lora_B["default"].weight @ layer.lora_A["default"].weight),
    }


def on_the_cpu(function):
    """The same function with its fixed device "cuda" replaced."""
    source = textwrap.dedent(inspect.getsource(function)).replace('"cuda"', '"cpu"')
    namespace = dict(vars(loftq_utils))
    exec(source, namespace)
    return namespace[function.__name__]


def loftq(bits, rounds):
    base, a, b = on_the_cpu(loftq_utils.loftq_init)(w, num_bits=bits, reduced_rank=RANK, num_iter=rounds)
    return {"base": text(base), "product": text(b @ a)}


result = {
    "outputs": OUTPUTS,
    "inputs": INPUTS,
    "rank": RANK,
    "matrix": text(w),
    "pissa": started("pissa"),
    "olora": started("olora"),
    "loftq": {f"nf4 {rounds}": loftq(4, rounds) for rounds in (1, 2)},
}
target = pathlib.Path(__file__).with_name("adapterFixtures.json")
target.write_text(json.dumps(result, indent=2) + "\n")
