"""Decodes saved folders with the programs that own their layouts.

Reads a JSON list of {"folder": ..., "weights": [names]} from standard input. Prints for each, as JSON, the decoded elements
of each weight in base64 (float32), and how far the logits of the model as transformers loads it are from those of a dense
one with the decoded weights.
"""

import base64
import json
import sys

import bitsandbytes
import numpy as np
import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationConfig
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM


def by_compressed_tensors(tensors, config, name):
    scheme = QuantizationConfig.model_validate(config).config_groups["group_0"]
    module = name.removesuffix("weight")
    state = {key.removeprefix(module): value for key, value in tensors.items() if key.startswith(module)}
    return BaseCompressor.get_value_from_registry(config["format"]).decompress(state, scheme)["weight"]


def by_bitsandbytes(tensors, config, name):
    if config["load_in_8bit"]:
        scale = tensors[name.removesuffix("weight") + "SCB"]
        return bitsandbytes.functional.int8_vectorwise_dequant(tensors[name], scale)
    state = {key.removeprefix(name + "."): value for key, value in tensors.items() if key.startswith(name + ".")}
    state = bitsandbytes.functional.QuantState.from_dict(state, device="cpu")
    state.dtype = torch.float32
    return bitsandbytes.functional.dequantize_4bit(tensors[name], state)


def compared(folder, weights):
    tensors = load_file(folder + "/model.safetensors")
    config = json.load(open(folder + "/config.json"))["quantization_config"]
    decode = by_bitsandbytes if config["quant_method"] == "bitsandbytes" else by_compressed_tensors
    decoded = {name: decode(tensors, config, name).float() for name in weights}
    plain = AutoConfig.from_pretrained(folder)
    del plain.quantization_config
    # compressed-tensors decodes MXFP4 to bfloat16, whatever the model's dtype.
    dtype = torch.bfloat16 if "mxfp4" in config.get("format", "") else torch.float32
    dense = AutoModelForCausalLM.from_config(plain, dtype=dtype)
    own = {key: value for key, value in tensors.items() if key in dense.state_dict() and key not in decoded}
    missing = dense.load_state_dict({**own, **decoded}, strict=False).missing_keys
    assert not missing, missing
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, device_map="cpu")
    tokens = torch.arange(12).reshape(1, -1) % plain.vocab_size
    with torch.no_grad():
        expected, got = dense.eval()(tokens).logits.float(), model.eval()(tokens).logits.float()
    return {
        "decoded": {
            name: base64.b64encode(np.ascontiguousarray(value).tobytes()).decode() for name, value in decoded.items()
        },
        "difference": float((expected - got).norm() / expected.norm()),
    }


print(json.dumps([compared(**job) for job in json.load(sys.stdin)]))
