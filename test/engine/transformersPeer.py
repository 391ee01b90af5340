"""Peer of huggingfaceFolders.test.ts.

make FOLDER          tiny random models of many architectures, each saved by transformers in a folder of its own
check FOLDER NAMES   what transformers makes of NAME-huggingface beside the dense product of its factors, as JSON
sizes FOLDER NAMES   what transformers makes of NAME with rows and columns left out, beside zeros in their places, as JSON
adapt FOLDER NAMES   what PEFT makes of NAME-peft beside the dense sum of its base and its factors, as JSON
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
from transformers.pytorch_utils import Conv1D

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
        # Two matrices of more than a megabyte, for shards, in 16 bits.
        "mistral": (t.MistralForCausalLM, t.MistralConfig(**dict(grouped, vocab_size=20000), dtype=torch.bfloat16)),
        "gpt2": (t.GPT2LMHeadModel, t.GPT2Config(**gpt2)),
        "bert": (t.BertForMaskedLM, t.BertConfig(**SIZES, max_position_embeddings=32)),
        "t5": (t.T5ForConditionalGeneration, t.T5Config(**t5)),
        "vit": (t.ViTForImageClassification, t.ViTConfig(**vit, image_size=8, patch_size=4)),
    }


def save_statistics(model, path):
    """What the linear modules of the model take in, and the Fisher information of their weights, on random words."""
    kinds = (torch.nn.Linear, Conv1D)
    linear = {name: module for name, module in model.named_modules() if isinstance(module, kinds)}
    seen = {}
    hooks = [
        module.register_forward_hook(lambda _, args, output, name=name: seen.update({name: args[0].detach()}))
        for name, module in linear.items()
    ]
    words = torch.randint(0, model.config.vocab_size, (8, 32))
    model(input_ids=words, labels=words).loss.backward()
    for hook in hooks:
        hook.remove()
    statistics = {}
    for name, x in seen.items():
        x = x.reshape(-1, x.shape[-1]).double()
        statistics[f"{name}.input_gram"] = x.T @ x
        statistics[f"{name}.input_mean"] = x.mean(0)
        statistics[f"{name}.input_abs_mean"] = x.abs().mean(0)
        statistics[f"{name}.fisher"] = linear[name].weight.grad.double() ** 2
        statistics[f"{name}.tokens"] = torch.tensor([len(x)])
    save_file({key: value.contiguous() for key, value in statistics.items()}, path)


def make(folder):
    for index, (name, (kind, config)) in enumerate(configurations().items()):
        torch.manual_seed(index)
        model = kind(config)
        with torch.no_grad():
            # Biases start as zeros, which would hide one that is lost.
            for key, parameter in model.named_parameters():
                if key.endswith("bias"):
                    parameter.normal_(0, 0.1)
        model.to(config.dtype or torch.float32).save_pretrained(os.path.join(folder, name))
        if name in ("llama", "qwen2", "gpt2"):
            save_statistics(model, os.path.join(folder, f"{name}.statistics.safetensors"))
    store_twice(os.path.join(folder, "llamatied"), os.path.join(folder, "llamatwice"), tied=True)
    store_twice(os.path.join(folder, "llamatied"), os.path.join(folder, "llamaopen"), tied=None)


def store_twice(source, target, tied):
    """The same model with its output matrix stored beside the embedding. `tied` None: the configuration says nothing."""
    weights = stored(source)
    save_dense(source, {**weights, "lm_head.weight": weights["model.embed_tokens.weight"].clone()}, target)
    file = os.path.join(target, "config.json")
    with open(file) as text:
        config = json.load(text)
    del config["tie_word_embeddings"]
    with open(file, "w") as text:
        json.dump(config if tied is None else {**config, "tie_word_embeddings": tied}, text)


def stored(folder):
    return {key: value for file in glob.glob(f"{folder}/*.safetensors") for key, value in load_file(file).items()}


def inputs(architecture):
    if "Image" in architecture:
        return PIXELS
    return {**IDS, "decoder_input_ids": IDS["input_ids"][:, :5]} if "Conditional" in architecture else IDS


def save_dense(source, weights, target):
    shutil.copytree(source, target, ignore=lambda _, names: [name for name in names if "safetensors" in name])
    save_file(weights, os.path.join(target, "model.safetensors"), metadata={"format": "pt"})


def as_stored(matrix, name, architecture, shape):
    """A matrix out x in as the architecture stores it: GPT-2's Conv1D holds in x out."""
    is_conv1d = architecture.startswith("GPT2") and ".h." in f".{name}"
    return (matrix.T.contiguous() if is_conv1d else matrix.reshape(shape)).float()


def products(source, pairs, architecture):
    """The source's weights, those of pairs multiplied out."""
    weights = {key: value.float() for key, value in stored(source).items()}
    factors = {key: value.double() for key, value in stored(pairs).items()}
    ends = [key for key in ("model.embed_tokens.weight", "lm_head.weight") if key in weights]
    tied = len(ends) == 2 and torch.equal(weights[ends[0]], weights[ends[1]])
    for key, a in factors.items():
        if key.endswith(".ALinear.weight"):
            name = key.replace("ALinear.", "")
            product = a.flatten(1) @ factors[key.replace("ALinear", "BLinear")].flatten(1)
            for each in ends if tied and name in ends else [name]:
                weights[each] = as_stored(product, name, architecture, weights[name].shape)
        # A method may have added to it.
        elif key.endswith(".ALinear.bias") and key.replace("ALinear.", "") in weights:
            weights[key.replace("ALinear.", "")] = a.float()
    return weights


def sums(adapter, architecture):
    """The base's weights, each with the product of its factors."""
    weights = {key: value.float() for key, value in stored(os.path.join(adapter, "base")).items()}
    factors = {key.removeprefix("base_model.model."): value.double() for key, value in stored(adapter).items()}
    for key, a in factors.items():
        if key.endswith(".lora_A.weight"):
            name = key.replace("lora_A.", "")
            product = factors[key.replace("lora_A", "lora_B")].flatten(1) @ a.flatten(1)
            weights[name] += as_stored(product, name, architecture, weights[name].shape)
        if key.endswith(".lora_embedding_A"):
            name = key.replace("lora_embedding_A", "weight")
            weights[name] += (factors[key.replace("embedding_A", "embedding_B")] @ a).T.float()
    return weights


def logits(model, given):
    with torch.no_grad():
        return model(**given).logits


def opened(folder, name):
    with open(os.path.join(folder, name, "config.json")) as file:
        architecture = json.load(file)["architectures"][0]
    auto = getattr(transformers, next(value for end, value in AUTO.items() if architecture.endswith(end)))
    return architecture, auto, lambda place, **options: auto.from_pretrained(place, dtype=torch.float32, **options)


def with_added_biases(model, pairs):
    """The biases of modules that had none."""
    weights = stored(pairs)
    with open(os.path.join(pairs, "config.json")) as file:
        names = json.load(file).get("added_biases", [])
    for name in names:
        model.get_submodule(name).bias = torch.nn.Parameter(weights[f"{name}.ALinear.bias"])
    return model


def distance(ours, reference):
    return float(torch.linalg.norm(ours - reference) / torch.linalg.norm(reference))


def check(folder, name):
    source, pairs, again, dense = (os.path.join(folder, name + end) for end in ("", "-huggingface", "-again", "-dense"))
    architecture, auto, load = opened(folder, name)
    save_dense(source, products(source, pairs, architecture), dense)
    given = inputs(architecture)
    model, report = load(pairs, trust_remote_code=True, output_loading_info=True)
    ours = logits(model.eval(), given)
    model.save_pretrained(again)
    base = transformers.AutoModel.from_pretrained(pairs, trust_remote_code=True)
    reference = with_added_biases(load(dense), pairs).eval()
    return {
        "architecture": type(model).__name__,
        "pairs": sum(type(module).__name__.endswith("Pair") for module in model.modules()),
        "pairs_of_base": sum(type(module).__name__.endswith("Pair") for module in base.modules()),
        "problems": sorted(str(key) for kind in report.values() for key in kind),
        "difference": distance(ours, logits(reference, given)),
        "from_original": distance(ours, logits(load(source).eval(), given)),
        "reloaded": distance(logits(load(again, trust_remote_code=True).eval(), given), ours),
        "added_biases": len(getattr(model.config, "added_biases", [])),
        "same_names": set(stored(pairs)) == set(stored(again)),
    }


def without(weights, module, keep, side):
    """The module's weight and bias without some outputs or inputs, and with zeros in their places."""
    weight, bias = weights[f"{module}.weight"], weights.get(f"{module}.bias")
    dimension = 0 if side == "outputs" else 1
    zeroed = torch.zeros_like(weight).index_copy(dimension, keep, weight.index_select(dimension, keep))
    smaller, padded = {"weight": weight.index_select(dimension, keep)}, {"weight": zeroed}
    if bias is not None:
        smaller["bias"] = bias[keep] if side == "outputs" else bias
        padded["bias"] = torch.zeros_like(bias).index_copy(0, keep, bias[keep]) if side == "outputs" else bias
    return smaller, padded


def sizes(folder, name):
    """Another number of channels in each MLP, and fewer dimensions of the heads of queries, keys and values."""
    source, reduced, again, dense = (os.path.join(folder, name + end) for end in ("", "-sizes", "-sizes2", "-zeros"))
    architecture, auto, load = opened(folder, name)
    weights = stored(source)
    smaller, padded = dict(weights), dict(weights)
    config = {"module_sizes": {}, "kept_outputs": {}, "kept_inputs": {}}
    for layer in range(2):
        block = f"model.layers.{layer}"
        channels = torch.arange(layer, 48, layer + 2)
        for module, keep, side, is_known in (
            ("mlp.gate_proj", channels, "outputs", False),
            ("mlp.up_proj", channels, "outputs", False),
            ("mlp.down_proj", channels, "inputs", False),
            ("self_attn.q_proj", torch.arange(0, 32, 2), "outputs", True),
            ("self_attn.k_proj", torch.arange(0, 16, 2), "outputs", True),
            ("self_attn.v_proj", torch.arange(0, 16, 4), "outputs", True),
            ("self_attn.o_proj", torch.arange(0, 32, 4), "inputs", True),
        ):
            module = f"{block}.{module}"
            small, pad = without(weights, module, keep, side)
            for key in small:
                smaller[f"{module}.{key}"], padded[f"{module}.{key}"] = small[key].contiguous(), pad[key]
            config["module_sizes"][module] = list(small["weight"].shape)
            if is_known:
                smaller[f"{module}.kept_{side}"] = keep
                config[f"kept_{side}"][module] = weights[f"{module}.weight"].shape[0 if side == "outputs" else 1]
    save_dense(source, padded, dense)
    save_dense(source, smaller, reduced)
    path = os.path.join(reduced, "config.json")
    with open(path) as file:
        config = {**json.load(file), **config, "auto_map": {auto.__name__: f"modeling_eigenscope.{architecture}"}}
    with open(path, "w") as file:
        json.dump(config, file)
    shutil.copy(os.environ["EIGENSCOPE_LOADER"], reduced)
    given = inputs(architecture)
    model, report = load(reduced, trust_remote_code=True, output_loading_info=True)
    ours = logits(model.eval(), given)
    model.save_pretrained(again)
    return {
        "problems": sorted(str(key) for kind in report.values() for key in kind),
        "difference": distance(ours, logits(load(dense).eval(), given)),
        "from_original": distance(ours, logits(load(source).eval(), given)),
        "reloaded": distance(logits(load(again, trust_remote_code=True).eval(), given), ours),
    }


def adapt(folder, name):
    from peft import PeftModel

    adapter, dense = (os.path.join(folder, name + end) for end in ("-peft", "-sum"))
    architecture, _, load = opened(folder, name)
    base = os.path.join(adapter, "base")
    save_dense(base, sums(adapter, architecture), dense)
    given = inputs(architecture)
    reference = logits(load(dense).eval(), given)
    with_base_alone = distance(logits(load(base).eval(), given), reference)
    model = PeftModel.from_pretrained(load(base), adapter).eval()
    ours = logits(model, given)
    return {
        "adapted": sum(hasattr(module, "lora_A") for module in model.modules()),
        "difference": distance(ours, reference),
        "merged": distance(logits(model.merge_and_unload(), given), reference),
        "base_alone": with_base_alone,
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
            result = {name: {"check": check, "sizes": sizes, "adapt": adapt}[command](folder, name) for name in names}
        print(json.dumps(result))
