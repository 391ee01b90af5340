"""Makes the list of models that the proof runs (`npm run bench -- proof`), with token ids of texts for calibration and evaluation.

    python proofModels.py OUT --stories FOLDER            stories260K as a Hugging Face folder; its texts are sampled from itself
    python proofModels.py OUT --text FILE --minutes M     a tiny Llama, trained on characters of a text
    python proofModels.py OUT --text FILE --gguf FILE     a GGUF file, decoded, on the text by its own tokenizer

Each call adds to OUT/models.json. Needs torch, numpy and transformers; the last one gguf, too.
"""

import argparse
import json
import os
import time

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM


def sampled(model, count, length, seed):
    """Windows that the model writes itself, at temperature 1."""
    torch.manual_seed(seed)
    start = torch.full((count, 1), model.config.bos_token_id)
    with torch.no_grad():
        return model.generate(
            start, do_sample=True, temperature=1.0, top_k=0, min_length=length, max_length=length, eos_token_id=None, pad_token_id=0
        )


def trained(ids, words, minutes, length=96, batch=8):
    """@returns the model, its number of steps, and the loss of the last one"""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=words,
        hidden_size=96,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=128,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), 4e-3, weight_decay=0.1, betas=(0.9, 0.95))
    started, steps = time.time(), 0
    while (share := (time.time() - started) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1, (steps + 1) / 50) * (1 - 0.9 * share)
        starts = torch.randint(0, len(ids) - length, (batch,))
        windows = torch.stack([ids[start : start + length] for start in starts])
        loss = model(input_ids=windows, labels=windows).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        steps += 1
    return model, steps, loss.item()


def write_ids(folder, calibration, evaluation):
    for name, ids in (("calibration", calibration), ("evaluation", evaluation)):
        np.asarray(ids).astype(np.uint16).tofile(f"{folder}/{name}.bin")
    return {name: f"{folder}/{name}.bin" for name in ("calibration", "evaluation")}


def stories(out, source):
    folder = f"{out}/stories260K"
    os.makedirs(folder, exist_ok=True)
    model = AutoModelForCausalLM.from_pretrained(source).eval()
    texts = write_ids(folder, sampled(model, 64, 256, 1), sampled(model, 64, 256, 2))
    return {
        "name": "stories260K",
        "origin": f"stories260K of llama2.c (karpathy), {model.num_parameters():,} parameters, float32.",
        "path": source,
        "texts": "sampled from the dense model itself at temperature 1, with two seeds; so its perplexity is the entropy of its own text.",
        "length": 256,
        "windows": 64,
        **texts,
    }


def made(out, text_file, minutes):
    text = open(text_file, encoding="utf8").read()
    words = sorted(set(text))
    place = {word: index for index, word in enumerate(words)}
    ids = torch.tensor([place[word] for word in text])
    cut = int(0.9 * len(ids))
    model, steps, loss = trained(ids[:cut], len(words), minutes)
    folder = f"{out}/made-llama"
    model.save_pretrained(folder)
    name = os.path.basename(text_file)
    return {
        "name": "made Llama (characters)",
        "origin": f"Made for this table: a Llama of 4 blocks, hidden size 96, trained for {steps} steps of 768 characters on 90 % of {name} on a CPU (last loss {loss:.2f}).",
        "path": folder,
        "texts": f"{name}: calibration from the part that it was trained on, evaluation from the last tenth, which it never saw.",
        "length": 96,
        "windows": 64,
        **write_ids(folder, ids[:cut], ids[cut:]),
    }


def decoded(out, gguf, text_file):
    where, file = os.path.split(os.path.abspath(gguf))
    loaded = AutoModelForCausalLM.from_pretrained(where, gguf_file=file, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=file)
    fields = {key: value for key, value in loaded.config.to_dict().items() if key != "quantization_config"}
    model = LlamaForCausalLM(LlamaConfig(**fields))
    model.load_state_dict(loaded.state_dict())
    model.tie_weights()
    name = file.removesuffix(".gguf")
    folder = f"{out}/{name}"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    ids = np.array(tokenizer(open(text_file, encoding="utf8").read()).input_ids)
    cut = int(0.9 * len(ids))
    return {
        "name": name,
        "origin": f"{file}, {model.num_parameters():,} parameters, decoded to float32. In part: the table says what was run.",
        "path": folder,
        "texts": f"{os.path.basename(text_file)}: calibration from its beginning, evaluation from its last tenth.",
        "length": 256,
        "windows": 8,
        "only": {"ratios": [0.8], "methods": ["svd", "svd-llm"], "allocations": ["uniform"]},
        **write_ids(folder, ids[:cut], ids[cut:]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--stories")
    parser.add_argument("--text")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--gguf")
    given = parser.parse_args()
    out = os.path.abspath(given.out)
    os.makedirs(out, exist_ok=True)
    if given.stories:
        model = stories(out, os.path.abspath(given.stories))
    elif given.gguf and given.text:
        model = decoded(out, given.gguf, given.text)
    elif given.text:
        model = made(out, given.text, given.minutes)
    else:
        parser.error("give --stories, or --text")
    file = f"{out}/models.json"
    known = json.load(open(file)) if os.path.exists(file) else []
    others = [each for each in known if each["name"] != model["name"]]
    json.dump([*others, model], open(file, "w"), indent=1)


main()
