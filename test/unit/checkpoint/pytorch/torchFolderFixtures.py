"""Writes test/unit/checkpoint/pytorch/torchFolderFixtures.json: checkpoints of several files made by PyTorch itself, with what they hold.

Run with PyTorch and NumPy installed:  python3 test/unit/checkpoint/pytorch/torchFolderFixtures.py
The tests read only the JSON; this shows how it was made.
"""
import base64
import dataclasses
import io
import json
import os
import tempfile

dataclass = dataclasses.dataclass


def hashable_dataclass(cls=None, **options):
    """PyTorch 1.13 has dataclasses as defaults of fields, which Python 3.11 refuses where they have no hash."""
    if cls is None:
        return lambda decorated: hashable_dataclass(decorated, **options)
    if '__hash__' not in cls.__dict__ and not options.get('frozen'):
        options.setdefault('unsafe_hash', True)
    return dataclass(cls, **options)


dataclasses.dataclass = hashable_dataclass

import torch
import torch.distributed
from torch.distributed._shard import checkpoint, sharded_tensor
from torch.distributed._shard.checkpoint.filesystem import FileSystemWriter
from torch.distributed._shard.metadata import ShardMetadata
from torch.distributed._shard.sharding_spec import ChunkShardingSpec, EnumerableShardingSpec

fixtures = {}
RANKS = 2


def hexadecimal(tensor):
    contiguous = tensor.detach().clone(memory_format=torch.contiguous_format)
    return bytes(contiguous.storage().untyped()).hex()


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


def read_folder(folder):
    return {name: open(os.path.join(folder, name), 'rb').read() for name in sorted(os.listdir(folder))}


# Name: (the whole tensor, how it is cut).
placements = [f'rank:{rank}/cpu' for rank in range(RANKS)]
rows = ChunkShardingSpec(dim=0, placements=placements)
columns = ChunkShardingSpec(dim=1, placements=placements)
grid = EnumerableShardingSpec(
    [
        ShardMetadata([0, 0], [2, 3], placements[0]),
        ShardMetadata([0, 3], [2, 1], placements[1]),
        ShardMetadata([2, 0], [3, 3], placements[1]),
        ShardMetadata([2, 3], [3, 1], placements[0]),
    ]
)
sharded = {
    'layers.rows': (ramp(5, 4), rows),
    'layers.columns': (ramp(3, 4, 2, first=50), columns),
    'layers.grid': (ramp(5, 4, first=100), grid),
    'layers.vector': (ramp(7, first=200), rows),
}
whole = {
    'layers.replicated': ramp(2, 3).half(),
    'layers.step': torch.tensor(3.5),
    'layers.brain': (ramp(3, 2) / 3).to(torch.bfloat16).t(),
}


def save(rank, folder):
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT='29533')
    torch.distributed.init_process_group('gloo', rank=rank, world_size=RANKS)
    state = dict(whole, learning_rate=0.5, steps={'done': 7})
    for name, (tensor, spec) in sharded.items():
        state[name] = sharded_tensor.empty(spec, *tensor.shape)
        for shard in state[name].local_shards():
            block = tuple(
                slice(offset, offset + size)
                for offset, size in zip(shard.metadata.shard_offsets, shard.metadata.shard_sizes)
            )
            shard.tensor.copy_(tensor[block])
    checkpoint.save_state_dict(state, FileSystemWriter(os.path.join(folder, 'rank files'), single_file_per_rank=True))
    if rank == 0:
        torch.save(state, os.path.join(folder, 'rank0.pt'))
    torch.distributed.destroy_process_group()


def add_distributed():
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(save, (folder,), nprocs=RANKS)
        tensors = dict(whole, **{name: tensor for name, (tensor, _) in sharded.items()})
        add('distributed', read_folder(os.path.join(folder, 'rank files')), tensors)
        local = {'layers.rows': ramp(5, 4)[:3], 'layers.columns': ramp(3, 4, 2, first=50)[:, :2]}
        local['layers.vector'] = ramp(7, first=200)[:4]
        with open(os.path.join(folder, 'rank0.pt'), 'rb') as file:
            add('state of one rank', {'rank0.pt': file.read()}, dict(whole, **local))


def add_sharded():
    """As transformers' save_pretrained(safe_serialization=False) writes it: the last shard in the older format here."""
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


# The ranks' processes import this file to find `save`.
if __name__ == '__main__':
    add_sharded()
    add_distributed()
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'torchFolderFixtures.json')
    with open(target, 'w') as file:
        json.dump({'torch': torch.__version__, 'fixtures': fixtures}, file, indent=2)
        file.write('\n')
