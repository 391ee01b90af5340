"""Vocabularies of tokens.json as GGUF files without tensors, one a way to cut texts: python makeGguf.py FOLDER (gguf)"""

import json
import sys
from pathlib import Path

from gguf import GGUFWriter

KINDS = ["llama-bpe", "gpt-2", "qwen2", "smollm", "default", "falcon", "deepseek-v3"]
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6


def written(folder, name, add_tokenizer):
    writer = GGUFWriter(str(folder / f"{name}.gguf"), "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(64)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_layer_norm_rms_eps(1e-5)
    add_tokenizer(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def bytes_tokenizer(model, kind):
    def add(writer):
        tokens = sorted(model["vocab"], key=model["vocab"].get)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(kind)
        writer.add_token_list([*tokens, "<s>", "</s>", "<|endoftext|>", "special"])
        writer.add_token_types([NORMAL] * len(tokens) + [CONTROL] * 3 + [USER_DEFINED])
        writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
        writer.add_bos_token_id(len(tokens))
        writer.add_eos_token_id(len(tokens) + 1)

    return add


def pieces_tokenizer(model):
    def add(writer):
        tokens = sorted(model["vocab"], key=model["vocab"].get)
        types = [UNKNOWN, CONTROL, CONTROL] + [BYTE] * 256 + [NORMAL] * (len(tokens) - 259)
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(tokens)
        # Every third piece has the score of the one before: equals are joined from the left.
        writer.add_token_scores([-float(i - i % 3) for i in range(len(tokens))])
        writer.add_token_types(types)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)

    return add


def main():
    folder = Path(sys.argv[1])
    models = json.loads((Path(__file__).parent / "tokens.json").read_text())["models"]
    for kind in KINDS:
        written(folder, kind, bytes_tokenizer(models["bytes"], kind))
    written(folder, "pieces", pieces_tokenizer(models["pieces"]))


main()
