"""
Writes test/unit/checkpoint/gguf/ggufFixtures.json: blocks of every quantised type of ggml and the float32 numbers that ggml's own C code
makes of them, and SHA-256 of its codebooks. Needs a C compiler, numpy and a checkout of https://github.com/ggml-org/ggml:

    python test/unit/checkpoint/gguf/ggufFixtures.py GGML_FOLDER > test/unit/checkpoint/gguf/ggufFixtures.json

The compiler must not fuse products and sums, which would round once where the code says twice.
"""
import base64
import ctypes
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

# Name, elements and bytes of a block, where its float16 numbers are.
TYPES = [
    ("Q4_0", 32, 18, [0]), ("Q4_1", 32, 20, [0, 2]), ("Q5_0", 32, 22, [0]), ("Q5_1", 32, 24, [0, 2]),
    ("Q8_0", 32, 34, [0]), ("Q2_K", 256, 84, [80, 82]), ("Q3_K", 256, 110, [108]), ("Q4_K", 256, 144, [0, 2]),
    ("Q5_K", 256, 176, [0, 2]), ("Q6_K", 256, 210, [208]), ("Q8_K", 256, 292, []), ("IQ2_XXS", 256, 66, [0]),
    ("IQ2_XS", 256, 74, [0]), ("IQ3_XXS", 256, 98, [0]), ("IQ1_S", 256, 50, [0]), ("IQ4_NL", 32, 18, [0]),
    ("IQ3_S", 256, 110, [0]), ("IQ2_S", 256, 82, [0]), ("IQ4_XS", 256, 136, [0]), ("IQ1_M", 256, 56, []),
    ("TQ1_0", 256, 54, [52]), ("TQ2_0", 256, 66, [64]), ("MXFP4", 32, 17, []), ("NVFP4", 64, 36, []),
    ("Q1_0", 128, 18, [0]), ("Q2_0", 64, 18, [0]),
]
GRIDS = {"IQ1": "iq1s", "IQ2_XXS": "iq2xxs", "IQ2_XS": "iq2xs", "IQ2_S": "iq2s", "IQ3_XXS": "iq3xxs", "IQ3_S": "iq3s"}
# The third is the smallest float16, the fourth just above those without a leading one, the fifth the largest.
SCALES = [0.0123, -1.7, 5.96e-8, 6.2e-5, 65504.0, -0.0]


def library(ggml: str) -> ctypes.CDLL:
    built = os.path.join(tempfile.mkdtemp(), "quants.so")
    source = os.path.join(ggml, "src")
    command = ["cc", "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-D_GNU_SOURCE", f"-I{ggml}/include", f"-I{source}"]
    subprocess.run([*command, os.path.join(source, "ggml-quants.c"), "-o", built], check=True)
    return ctypes.CDLL(built, mode=os.RTLD_LAZY)


def blocks(name: str, size: int, halves: list[int], random: np.random.Generator) -> bytes:
    made = []
    for number, scale in enumerate(SCALES if size < 60 else SCALES[:3]):
        block = bytearray(random.bytes(size))
        for at in halves:
            block[at : at + 2] = np.float16(scale * (1 if at == halves[0] else 0.7)).tobytes()
        if name == "Q8_K":
            block[0:4] = np.float32(scale).tobytes()
        if name == "IQ1_M":  # its scale is in the upper four bits of four words
            bits = int(np.float16(scale).view(np.uint16))
            for i in range(4):
                block[49 + 2 * i] = (block[49 + 2 * i] & 15) | (((bits >> (4 * i)) & 15) << 4)
        if name == "MXFP4":
            block[0] = [0, 1, 2, 120, 127, 254][number]
        made.append(bytes(block))
    return b"".join(made)


def decoded(quants: ctypes.CDLL, name: str, count: int, stored: bytes) -> bytes:
    out = np.zeros(count, np.float32)
    function = getattr(quants, "dequantize_row_" + name.lower().replace("_k", "_K"))
    function(stored, out.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(count))
    return out.astype("<f4").tobytes()


def grid(text: str, name: str) -> str:
    kind, body = re.search(rf"GGML_TABLE_BEGIN\((\w+)_t, {name}_grid, \w+\)(.*?)GGML_TABLE_END", text, re.S).groups()
    numbers = np.array([int(number, 16) for number in re.findall(r"0x\w+", body)], kind)
    return hashlib.sha256(numbers.astype(numbers.dtype.newbyteorder("<")).tobytes()).hexdigest()


def main(ggml: str) -> None:
    quants = library(ggml)
    random = np.random.default_rng(20)
    fixtures = {}
    for name, elements, size, halves in TYPES:
        stored = blocks(name, size, halves, random)
        values = decoded(quants, name, len(stored) // size * elements, stored)
        fixtures[name] = {"blocks": base64.b64encode(stored).decode(), "values": base64.b64encode(values).decode()}
    with open(os.path.join(ggml, "src", "ggml-common.h")) as file:
        text = file.read()
    grids = {name: grid(text, table) for name, table in GRIDS.items()}
    json.dump({"fixtures": fixtures, "grids": grids}, sys.stdout, indent=1)
    print()


main(sys.argv[1])
