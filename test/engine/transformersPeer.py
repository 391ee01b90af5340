"""Peer of huggingfaceFolders.test.ts.

make FOLDER          tiny random models of many architectures, each saved by transformers in a folder of its own
check FOLDER NAMES   what transformers makes of NAME-pairs beside the dense product of its factors, as JSON
"""

import contextlib
import glob
import json
import os
import shutil
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

SIZES = dict(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
IDS = {"input_ids": torch.arange(1, 11)[None]}
PIXELS = {"pixel_values": torch.linspace(-1, 1, 192).reshape(1, 3, 8, 8)}

AUTO = {
    "ForCausalLM": "AutoModelForCausalLM",
    "LMHeadModel": "AutoModelForCausalLM",
    "ForMaskedLM": "AutoModelForMaskedLM",
    "ForImageClassification": "AutoModelForImageClassification",
    "ForConditionalGeneration": "AutoModelForSeq2SeqLM",
}


def configurations():
    t = transformers
    grouped = dict(SIZES, num_key_value_heads=2)
    gpt2 = dict(vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=32, bos_token_id=1, eos_token_id=2)
    t5 = dict(vocab_size=64, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, decoder_start_token_id=0)
    vit = {key: value for key, value in SIZES.items() if key != "vocab_size"}
    return {
        "llama": (t.LlamaForCausalLM, t.LlamaConfig(**grouped)),
        "llamatied": (t.LlamaForCausalLM, t.LlamaConfig(**grouped, tie_word_embeddings=True)),
        "qwen2": (t.Qwen2ForCausalLM, t.Qwen2Config(**grouped)),
        "mistral": (t.MistralForCausalLM, t.MistralConfig(**grouped)),
        "gpt2": (t.GPT2LMHeadModel, t.GPT2Config(**gpt2)),
        "bert": (t.BertForMaskedLM, t.BertConfig(**SIZES, max_position_embeddings=32)),
        "t5": (t.T5ForConditionalGeneration, t.T5Config(**t5)),
        "vit": (t.ViTForImageClassification, t.ViTConfig(**vit, image_size=8, patch_size=4)),
    }


def make(folder):
    for index, (name, (kind, config)) in enumerate(configurations().items()):
        torch.manual_seed(index)
        model = kind(config)
        with torch.no_grad():
            # Biases start as zeros, which would hide one that is lost.
            for key, parameter in model.named_parameters():
                if key.endswith("bias"):
                    parameter.normal_(0, 0.1)
        model.save_pretrained(os.path.join(folder, name))


def stored(folder):
    return {key: value for file in glob.glob(f"{folder}/*.safetensors") for key, value in load_file(file).items()}


def inputs(architecture):
    if "Image" in architecture:
        return PIXELS
    return {**IDS, "decoder_input_ids": IDS["input_ids"][:, :5]} if "Conditional" in architecture else IDS


def save_dense(source, pairs, target):
    """The source with the products of the factors in place of its weights, for transformers' own classes."""
    with open(os.path.join(source, "config.json")) as file:
        is_gpt2 = json.load(file)["model_type"] == "gpt2"
    weights = {key: value.float() for key, value in stored(source).items()}
    factors = {key: value.double() for key, value in stored(pairs).items()}
    for key, a in factors.items():
        if key.endswith(".ALinear.weight"):
            product = a.flatten(1) @ factors[key.replace("ALinear", "BLinear")].flatten(1)
            name = key.replace("ALinear.", "")
            is_conv1d = is_gpt2 and ".h." in f".{name}"
            weights[name] = (product.T.contiguous() if is_conv1d else product.reshape(weights[name].shape)).float()
    shutil.copytree(source, target, ignore=lambda _, names: [name for name in names if "safetensors" in name])
    save_file(weights, os.path.join(target, "model.safetensors"), metadata={"format": "pt"})


def logits(model, given):
    with torch.no_grad():
        return model(**given).logits


def check(folder, name):
    source, pairs, again, dense = (os.path.join(folder, name + end) for end in ("", "-pairs", "-again", "-dense"))
    save_dense(source, pairs, dense)
    with open(os.path.join(source, "config.json")) as file:
        architecture = json.load(file)["architectures"][0]
    auto = getattr(transformers, next(value for end, value in AUTO.items() if architecture.endswith(end)))
    loaded, report = auto.from_pretrained(pairs, trust_remote_code=True, dtype=torch.float32, output_loading_info=True)
    loaded.eval()
    given = inputs(architecture)
    plain = {name: auto.from_pretrained(name, dtype=torch.float32).eval() for name in (source, dense)}
    ours, reference, original = logits(loaded, given), logits(plain[dense], given), logits(plain[source], given)
    loaded.save_pretrained(again)
    reloaded = logits(auto.from_pretrained(again, trust_remote_code=True, dtype=torch.float32).eval(), given)
    base = transformers.AutoModel.from_pretrained(pairs, trust_remote_code=True)
    norm = torch.linalg.norm(reference)
    return {
        "architecture": type(loaded).__name__,
        "pairs": sum(type(module).__name__.endswith("Pair") for module in loaded.modules()),
        "pairs_of_base": sum(type(module).__name__.endswith("Pair") for module in base.modules()),
        "problems": sorted(key for kind in report.values() for key in kind),
        "difference": float(torch.linalg.norm(ours - reference) / norm),
        "from_original": float(torch.linalg.norm(ours - original) / norm),
        "reloaded": float(torch.linalg.norm(ours - reloaded) / norm),
        "same_names": set(stored(pairs)) == set(stored(again)),
        "files": sorted(os.listdir(again)),
    }


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    command, folder, *names = sys.argv[1:]
    if command == "make":
        make(folder)
        print(transformers.__version__)
    else:
        with contextlib.redirect_stdout(sys.stderr):
            result = {name: check(folder, name) for name in names}
        print(json.dumps(result))
