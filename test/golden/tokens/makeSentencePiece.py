"""A small SentencePiece model of the kind that Llama has, and the ids that transformers' LlamaTokenizer gives by it.

python makeSentencePiece.py: writes sentencePiece.model and sentencePiece.json (sentencepiece, transformers)
"""

import json
import shutil
import tempfile
from pathlib import Path

import sentencepiece
from transformers import AutoTokenizer

HERE = Path(__file__).parent
MODEL = HERE / "sentencePiece.model"
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "tokenizer_class": "LlamaTokenizer"}
CONFIGURATIONS = [
    SPECIAL,
    {**SPECIAL, "add_bos_token": True, "add_eos_token": False},
    {**SPECIAL, "add_bos_token": True, "add_eos_token": True, "legacy": True},
]


def main():
    texts = json.loads((HERE / "tokens.json").read_text())["texts"]
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.txt"
        corpus.write_text("\n".join(text.replace("\n", " ") for text in texts if text.strip()) + "\n")
        sentencepiece.SentencePieceTrainer.train(
            input=str(corpus),
            model_prefix=str(Path(folder) / "made"),
            model_type="bpe",
            vocab_size=500,
            byte_fallback=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            character_coverage=0.98,
            split_digits=True,
            allow_whitespace_only_pieces=True,
            minloglevel=2,
        )
        shutil.copy(Path(folder) / "made.model", MODEL)
        found = []
        for configuration in CONFIGURATIONS:
            (Path(folder) / "config.json").write_text(json.dumps({"model_type": "llama"}))
            (Path(folder) / "tokenizer_config.json").write_text(json.dumps(configuration))
            shutil.copy(MODEL, Path(folder) / "tokenizer.model")
            tokenizer = AutoTokenizer.from_pretrained(folder)
            found.append({"configuration": configuration, "ids": [tokenizer(text).input_ids for text in texts]})
        (HERE / "sentencePiece.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")


main()
