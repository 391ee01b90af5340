"""Writes test/unit/torchFolderFixtures.json: checkpoints of several files made by PyTorch itself, with what they hold.

Run with PyTorch and NumPy installed:  python3 test/harness/torchFolderFixtures.py
The tests read only the JSON; this shows how it was made.
"""
import base64
import io
import json
import os

import torch

fixtures = {}


def hexadecimal(tensor):
    contiguous = tensor.detach().clone(memory_format=torch.contiguous_format)
    return contiguous.view(torch.uint8).numpy().tobytes().hex()


def add(name, files, tensors):
    fixtures[name] = {
        'files': {file: base64.b64encode(content).decode() for file, content in files.items()},
        'tensors': {
            key: {'shape': list(value.shape), 'dtype': str(value.dtype)[len('torch.'):], 'bytes': hexadecimal(value)}
            for key, value in tensors.items()
        },
    }


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def ramp(*shape, first=0):
    return torch.arange(first, first + torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)


# As transformers' save_pretrained(safe_serialization=False) writes it: the last shard in the older format here.
tied = ramp(4, 3)
shards = {
    'pytorch_model-00001-of-00003.bin': {'embed.weight': tied, 'head.weight': tied},
    'pytorch_model-00002-of-00003.bin': {'layer.0.weight': ramp(3, 5, first=100).t(), 'layer.0.bias': ramp(5).half()},
    'pytorch_model-00003-of-00003.bin': {'layer.1.weight': ramp(2, 3, first=200).to(torch.bfloat16)},
}
files = {name: saved(shard) for name, shard in shards.items()}
last = 'pytorch_model-00003-of-00003.bin'
files[last] = saved(shards[last], _use_new_zipfile_serialization=False)
index = {
    'metadata': {'total_size': 154},
    'weight_map': {key: name for name, shard in shards.items() for key in shard},
}
files['pytorch_model.bin.index.json'] = json.dumps(index, indent=2).encode()
add('sharded', files, {key: value for shard in shards.values() for key, value in shard.items()})

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'unit')
with open(os.path.join(folder, 'torchFolderFixtures.json'), 'w') as file:
    json.dump({'torch': torch.__version__, 'fixtures': fixtures}, file, indent=2)
    file.write('\n')
