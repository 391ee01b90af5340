"""Writes test/unit/checkpoint/gguf/ggufNameFixtures.json: what llama.cpp calls the tensors that Hugging Face's models have, by its own table.

Run with the package gguf installed:  python3 test/unit/checkpoint/gguf/ggufNameFixtures.py
Asked are the names that the file holds already: to check another one, write it there with any answer and run this.
"""
import json
import os
from importlib.metadata import version

import gguf
from gguf.constants import MODEL_ARCH_NAMES

file = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ggufNameFixtures.json')
with open(file) as known:
    asked = json.load(known)['names']
architectures = {name: architecture for architecture, name in MODEL_ARCH_NAMES.items()}
names = {}
for architecture, tensors in asked.items():
    table = gguf.get_tensor_name_map(architectures[architecture], 2)
    names[architecture] = {name: table.get_name(name, try_suffixes=('.weight',)) for name in tensors}
with open(file, 'w') as written:
    json.dump({'gguf': version('gguf'), 'names': names}, written, indent=2)
    written.write('\n')
