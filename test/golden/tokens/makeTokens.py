"""Small tokenizers of every kind, made and run by Hugging Face's `tokenizers`: what `tokens.json` beside this holds.

python tokenizers.py > tokens.json           makes them anew
python tokenizers.py ids TOKENIZER < TEXTS   ids of texts (a JSON list) by a tokenizer.json
"""

import json
import sys

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

CORPUS = [
    "Once upon a time, there was a little girl named Lily. She loved to play in the park with her friends.\n",
    "The quick brown fox jumps over the lazy dog; it's what he'd do, and they'll say we've seen it.\n\n",
    "def function(x, y):\n    return x ** 2 + y ** 2  # comment\n\nfor (int i = 0; i < 10; i++) {\n\tprintf(\"%d\\n\", i);\n}\n",
    "Über den Wolken muß die Freiheit wohl grenzenlos sein. Ça va très bien, où est la bibliothèque?\n",
    "Жили-были старик со старухой у самого синего моря. 今日は天気がいいですね。 你好，世界！ 안녕하세요 세계\n",
    "In 2024, 1234567 people paid $3.50 for 12,000 items (42% more than in 1999).\n",
] * 4

TEXTS = [
    "Hello world",
    " leading and trailing ",
    "Once upon a time, there was a little girl.\nShe said: \"I'm here!\" It'S THEY'LL we've\n\n\nThe end.",
    "  two  spaces   three\t\ttabs \n \n  mixed \r\n windows\r\nlines\n",
    "naïve café Ünïcödé — “quotes” … ½ ² ³ Ⅷ",
    "e\u0301 a\u0308 \u1e9b\u0323 \ufb01 \uff21\uff22 \u212b",
    "你好，世界！今天天气很好。日本語のテキスト 한국어 텍스트 ไทย العربية עברית हिन्दी",
    "emoji 🎉👩‍👩‍👧‍👦🇩🇪👍🏽 end",
    "1 12 123 1234 12345 1,234,567.89 ٣٤٥ 2024-01-02",
    "for (let i = 0; i < 10; ++i) { a[i] = b->c[i] & 0xFF; } // ok?!\n\tif (x != y) return;\n",
    "\u00a0nbsp\u2003em\u3000ideographic\u0085nel\u2028ls\ufeffbom\u200bzwsp",
    "",
    " ",
    "\n",
    "\n\n\n",
    "      ",
    "a",
    "<s>special</s> inside <|endoftext|> text<|endoftext|>",
    "x" * 60,
    "$&$1 `backticks` ~tilde~ ^caret^ |pipe| <angle> =+=",
    "ſ ’s ‘t 's 't 'S 'LL'll",
    "ΑΣ ΟΔΟΣ İstanbul ĲSSEL straße",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠀀𠀁 \U0010ffff",
    "line one\nline two\n\nline four after blank\n  indented line\nlast",
]

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def byte_level_model():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=560, initial_alphabet=sorted(alphabet), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return json.loads(tokenizer.to_str())["model"]


def sentence_piece_model():
    """As Llama 2 has it: merges over characters, bytes for what is unknown."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=620, special_tokens=SPECIAL + BYTES, limit_alphabet=80, show_progress=False)
    tokenizer.train_from_iterator([text.replace("\n", " ") for text in CORPUS], trainer)
    return json.loads(tokenizer.to_str())["model"]


def unigram_model():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=300, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator([text.replace("\n", " ") for text in CORPUS[:5]], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return {**model, "vocab": [[token, round(score, 6)] for token, score in model["vocab"]]}


def word_piece_model():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return json.loads(tokenizer.to_str())["model"]


def with_bytes(unigram):
    lowest = min(score for _, score in unigram["vocab"])
    vocab = unigram["vocab"] + [[token, lowest - 5] for token in BYTES]
    return {**unigram, "vocab": vocab, "byte_fallback": True}


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(pattern, behavior, invert)


def byte_level(use_regex=True, prefix=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)


def sequence(*steps):
    return pre_tokenizers.Sequence(list(steps))


def kinds():
    """Name, model, normalizer, pre-tokenizer, post-processor, added tokens."""
    end = [AddedToken("<|endoftext|>", special=True, normalized=False)]
    spm = [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    bos = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    around = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    llama2 = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    falcon = sequence(
        pre_tokenizers.Punctuation("contiguous"),
        byte_level(),
        pre_tokenizers.Digits(individual_digits=False),
        split(Regex("[0-9][0-9][0-9]")),
    )
    deepseek = sequence(
        split(Regex(r"\p{N}{1,3}")), split(Regex("[一-龥぀-ゟ゠-ヿ]+")), split(Regex(DEEPSEEK)), byte_level(False)
    )
    behaviors = sequence(
        split(" ", "merged_with_next"), split(Regex(r"[.,;]"), "merged_with_previous"), split("o", "contiguous"), byte_level(False)
    )
    accents = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()])
    money = normalizers.Sequence([normalizers.Replace("o", "$&"), normalizers.Replace(Regex(r"\s+"), " ")])
    return [
        ("gpt2", "bytes", None, byte_level(), processors.ByteLevel(), end),
        ("gpt2 with a space in front", "bytes", None, byte_level(prefix=True), processors.ByteLevel(), end),
        ("llama3", "bytes ignoring merges", None, sequence(split(Regex(LLAMA3)), byte_level(False)), None, end),
        ("qwen2", "bytes", normalizers.NFC(), sequence(split(Regex(QWEN2)), byte_level(False)), None, end),
        ("o200k", "bytes", None, sequence(split(Regex(O200K)), byte_level(False)), None, end),
        ("smollm", "bytes", None, sequence(pre_tokenizers.Digits(True), byte_level()), None, end),
        ("falcon", "bytes", None, falcon, None, end),
        ("deepseek", "bytes", None, deepseek, None, end),
        ("punctuation", "bytes", None, sequence(pre_tokenizers.Punctuation(), byte_level(False)), None, []),
        ("behaviors", "bytes", money, behaviors, None, []),
        ("removed", "bytes", None, sequence(split(Regex(r"(\s)+"), "removed"), byte_level(False)), None, []),
        ("inverted", "bytes", None, sequence(split(Regex(r"\p{L}+"), "removed", True), byte_level(False)), None, []),
        ("llama2", "pieces", llama2, None, bos, spm),
        ("metaspace", "pieces", None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False), bos, spm),
        ("split metaspace", "pieces", None, pre_tokenizers.Metaspace(prepend_scheme="always", split=True), bos, spm),
        ("gemma", "pieces", normalizers.Replace(" ", "▁"), split(" ", "merged_with_previous"), bos, spm),
        ("unigram", "unigram", normalizers.NFKC(), pre_tokenizers.Metaspace(), None, spm),
        ("unigram with bytes", "unigram with bytes", None, pre_tokenizers.Metaspace(), None, spm),
        ("bert", "word pieces", normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer(), around, []),
        ("whitespace", "word pieces", accents, pre_tokenizers.Whitespace(), None, []),
        ("whitespace split", "word pieces", None, pre_tokenizers.WhitespaceSplit(), None, []),
    ]


def made():
    byte_model = byte_level_model()
    unigram = unigram_model()
    all_models = {
        "bytes": byte_model,
        "bytes ignoring merges": {**byte_model, "ignore_merges": True},
        "pieces": sentence_piece_model(),
        "unigram": unigram,
        "unigram with bytes": with_bytes(unigram),
        "word pieces": word_piece_model(),
    }
    results = []
    for name, model, normalizer, pre_tokenizer, post_processor, added in kinds():
        base = {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None}
        whole = {**base, "decoder": None, "model": all_models[model]}
        tokenizer = Tokenizer.from_str(json.dumps(whole))
        if normalizer:
            tokenizer.normalizer = normalizer
        if pre_tokenizer:
            tokenizer.pre_tokenizer = pre_tokenizer
        if post_processor:
            tokenizer.post_processor = post_processor
        tokenizer.add_tokens(added)
        form = json.loads(tokenizer.to_str())
        results.append(
            {
                "name": name,
                "model": model,
                **{key: form[key] for key in ("added_tokens", "normalizer", "pre_tokenizer", "post_processor")},
                "ids": [tokenizer.encode(text).ids for text in TEXTS],
            }
        )
    return {"texts": TEXTS, "models": all_models, "tokenizers": results}


if __name__ == "__main__":
    if sys.argv[1:2] == ["ids"]:
        tokenizer = Tokenizer.from_file(sys.argv[2])
        print(json.dumps([tokenizer.encode(text).ids for text in json.load(sys.stdin)]))
    else:
        print(json.dumps(made(), ensure_ascii=False, separators=(",", ":")))
