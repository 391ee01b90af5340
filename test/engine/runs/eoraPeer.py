"""Peer of eoraGguf.test.ts: DENSE GGUF WHOLE FEW

Block 0 of the dense model has adapters for the GGUF file: WHOLE of full rank, FEW of a small one. Prints, as JSON, how far
outputs lie from one another, relative to their size:

from_sum          PEFT with FEW over the GGUF file, and the same model with base + B·A for weights
whole_from_dense  PEFT with WHOLE over the GGUF file, and a model that has the dense weights in place of those
base_from_dense   the GGUF file alone, and that
few_from_base     PEFT with FEW, and the GGUF file alone
"""

import json
import os
import sys

import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file

IDS = torch.arange(1, 21)[None]
PREFIX = "base_model.model."


def base(gguf):
    folder, name = os.path.split(gguf)
    config = transformers.AutoConfig.from_pretrained(folder, gguf_file=name)
    # The file has 2³² − 1 for none.
    config.pad_token_id = None
    auto = transformers.AutoModelForCausalLM
    return auto.from_pretrained(folder, gguf_file=name, config=config, dtype=torch.float32).eval()


def outputs(model):
    with torch.no_grad():
        return model(IDS).logits


def replaced(gguf, weights):
    model = base(gguf)
    with torch.no_grad():
        for name, weight in weights.items():
            model.get_parameter(name).copy_(weight)
    return outputs(model)


def main(dense, gguf, whole, few):
    plain = base(gguf)
    factors = load_file(os.path.join(few, "adapter_model.safetensors"))
    modules = [name[len(PREFIX) : -len(".lora_A.weight")] for name in factors if name.endswith("lora_A.weight")]
    sums = {
        module + ".weight": plain.get_parameter(module + ".weight").detach()
        + factors[f"{PREFIX}{module}.lora_B.weight"] @ factors[f"{PREFIX}{module}.lora_A.weight"]
        for module in modules
    }
    own = load_file(os.path.join(dense, "model.safetensors"))
    wanted = replaced(gguf, {module + ".weight": own[module + ".weight"] for module in modules})
    alone = outputs(plain)
    adapted = {place: outputs(PeftModel.from_pretrained(base(gguf), place).eval()) for place in (whole, few)}

    def between(a, b):
        return ((a - b).norm() / b.norm()).item()

    return {
        "from_sum": between(adapted[few], replaced(gguf, sums)),
        "whole_from_dense": between(adapted[whole], wanted),
        "base_from_dense": between(alone, wanted),
        "few_from_base": between(adapted[few], alone),
    }


print(json.dumps(main(*sys.argv[1:])))
