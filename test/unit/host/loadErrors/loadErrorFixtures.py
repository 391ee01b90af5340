"""Writes loadErrors.json: what PyTorch, transformers, PEFT and safetensors say of keys that do not fit, and the names and
shapes of the checkpoint that each says it about. Made with torch 2.13, transformers 5.24, peft, safetensors.

    python test/unit/host/loadErrors/loadErrorFixtures.py
"""

import copy
import io
import json
import logging
import os
import tempfile

import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn


class Net(nn.Module):
    def __init__(self, tokens=10, width=8, blocks=2):
        super().__init__()
        self.embed_tokens = nn.Embedding(tokens, width)
        self.layers = nn.ModuleList(
            nn.ModuleDict({"q_proj": nn.Linear(width, width), "up_proj": nn.Linear(width, 2 * width)})
            for _ in range(blocks)
        )


class Holder(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Net()


class Transposed(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.fc = nn.Linear(4, 6) if linear else transformers.pytorch_utils.Conv1D(6, 4)


def said(load):
    try:
        load()
    except Exception as error:  # each kind has its own message
        return f"{type(error).__name__}: {error}"
    raise AssertionError("it loaded")


def case(model, state):
    tensors = {name: list(value.shape) for name, value in state.items() if isinstance(value, torch.Tensor)}
    return {"message": said(lambda: model.load_state_dict(state)), "checkpoint": tensors}


def report(folder):
    """transformers' own table, from its log."""
    config = {"n_positions": 16, "n_embd": 8, "n_head": 2, "bos_token_id": 0, "eos_token_id": 0}
    saved = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=64, n_layer=1, **config))
    saved.save_pretrained(folder)
    with safe_open(os.path.join(folder, "model.safetensors"), "pt") as file:
        tensors = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    transformers.utils.logging.add_handler(handler)
    other = transformers.GPT2Config(vocab_size=70, n_layer=3, pad_token_id=0, **config)
    transformers.GPT2ForSequenceClassification.from_pretrained(folder, config=other, ignore_mismatched_sizes=True)
    transformers.utils.logging.remove_handler(handler)
    # The table follows the line that names the folder, which is another one each time.
    lines = written.getvalue().split("\n")
    start = next(index for index, line in enumerate(lines) if line.startswith("Key "))
    return {"message": "\n".join(line.rstrip() for line in lines[start:]), "checkpoint": tensors}


def main():
    torch.manual_seed(0)
    state = Net().state_dict()
    compiled = torch.compile(Net()).state_dict()
    adapted = get_peft_model(copy.deepcopy(Net()), LoraConfig(target_modules=["q_proj"], r=2))
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "a.safetensors")
        save_file(state, file)
        shapes = {name: list(value.shape) for name, value in state.items()}
        with safe_open(file, "pt") as opened:
            absent = said(lambda: opened.get_tensor("layers.1.k_proj.weight"))
        cases = {
            "data parallel": case(Net(), nn.DataParallel(Net()).state_dict()),
            "compiled": case(Net(), compiled),
            "compiled model": case(torch.compile(Net()), state),
            "held": case(Net(), Holder().state_dict()),
            "holder": case(Holder(), state),
            "adapted": case(adapted, state),
            "more blocks": case(Net(blocks=3), state),
            "more tokens": case(Net(tokens=12), state),
            "wider": case(Net(width=16), state),
            "transposed": case(Transposed(True), Transposed(False).state_dict()),
            "wrapped": {**case(Net(), {"epoch": 3, "state_dict": state}), "checkpoint": shapes},
            "safetensors": {"message": absent, "checkpoint": shapes},
            "key error": {"message": said(lambda: state["layers.1.k_proj.weight"]), "checkpoint": shapes},
            "transformers": report(os.path.join(folder, "gpt")),
        }
    target = os.path.join(os.path.dirname(__file__), "loadErrors.json")
    with open(target, "w", encoding="utf-8") as out:
        json.dump(cases, out, indent=1, ensure_ascii=False)
        out.write("\n")


main()
