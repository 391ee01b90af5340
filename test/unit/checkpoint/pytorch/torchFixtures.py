"""Writes test/unit/checkpoint/pytorch/torchFixtures.json: small files made by PyTorch itself, with what PyTorch reads from them.

Run with PyTorch and NumPy installed:  python3 test/unit/checkpoint/pytorch/torchFixtures.py
The tests read only the JSON; this shows how it was made.
"""
import argparse
import base64
import collections
import io
import json
import os
import tempfile

import numpy as np
import torch
from torch import nn

torch.manual_seed(7)
fixtures = {}


def expect(tensor):
    if isinstance(tensor, np.ndarray):
        data, dtype = np.ascontiguousarray(tensor), str(tensor.dtype)
        raw = data.astype(data.dtype.newbyteorder('<')).tobytes()
    else:
        dtype = str(tensor.dtype).replace('torch.', '')
        contiguous = tensor.detach().clone(memory_format=torch.contiguous_format)
        raw = bytes(contiguous.storage().untyped())
    return {'shape': list(tensor.shape), 'dtype': dtype, 'bytes': raw.hex()}


def add(name, file, tensors):
    fixtures[name] = {
        'file': base64.b64encode(file).decode(),
        'tensors': {key: expect(value) for key, value in tensors.items()},
    }


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def add_both(name, value, tensors):
    add(f'{name} (zip)', saved(value), tensors)
    add(f'{name} (legacy)', saved(value, _use_new_zipfile_serialization=False), tensors)


def ramp(*shape, dtype=torch.float32):
    count = int(np.prod(shape))
    return torch.arange(count).reshape(shape).to(dtype)


names = ['float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool']
names += ['complex64', 'complex128']
types = {f'of.{name}': (ramp(2, 3) - 2).to(getattr(torch, name)) for name in names}
types['of.complex64'] = types['of.complex64'] * (1 + 2j)
add_both('element types', types, types)

base = ramp(6, 4)
cube = ramp(3, 4, 5, dtype=torch.float16)
double = ramp(3, 4, dtype=torch.float64)
views = {
    'v.base': base,
    'v.transposed': base.t(),
    'v.rows': base[2:5],
    'v.columns': base[:, 1:3],
    'v.steps': base[::2, ::3],
    'v.diagonal': base.diagonal(),
    'v.expanded': base[0].expand(3, 4),
    'v.one': base[1, 2],
    'v.permuted': cube.permute(2, 0, 1),
    'v.middle': cube[:, 1, :],
    'v.double': double.t(),
    'v.empty': torch.zeros(0, 3),
    'v.scalar': torch.tensor(2.5),
    'v.channels_last': ramp(2, 3, 2, 2).contiguous(memory_format=torch.channels_last),
    'v.complex': torch.complex(ramp(2, 3), ramp(2, 3)).t(),
}
add_both('views', views, views)

model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1, bias=False))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
model(torch.randn(4, 3)).sum().backward()
optimizer.step()
training = {
    'epoch': 3,
    'args': argparse.Namespace(lr=0.01, name='run'),
    'state_dict': collections.OrderedDict((f'module.{k}', v) for k, v in model.state_dict().items()),
    'optimizer': optimizer.state_dict(),
    'numpy': np.float32(1.5),
}
tensors = dict(training['state_dict'])
for index, state in training['optimizer']['state'].items():
    tensors.update({f'{index}.{key}': value for key, value in state.items()})
add_both('training checkpoint', training, tensors)
add_both('whole module', model, dict(model.state_dict()))

tied = nn.ModuleDict({'embed': nn.Embedding(4, 2), 'head': nn.Linear(2, 4, bias=False)})
tied['head'].weight = tied['embed'].weight
add_both('tied weights', tied.state_dict(), dict(tied.state_dict()))

arrays = {
    'a.c': np.arange(6, dtype='<f4').reshape(2, 3),
    'a.fortran': np.asfortranarray(np.arange(6, dtype='<f8').reshape(2, 3)),
    'a.big': np.arange(6, dtype='>i2').reshape(3, 2),
    'a.bool': np.array([True, False]),
}
for protocol in (2, 3, 4, 5):
    add(f'NumPy arrays (pickle protocol {protocol})', saved(arrays, pickle_protocol=protocol), arrays)

def per_channel(values, axis, dtype):
    channels = values.shape[axis]
    # No float32 holds them.
    scales = 0.3 + torch.arange(channels, dtype=torch.float64) / 7
    zero_points = torch.arange(channels) + 1
    if dtype == torch.quint4x2:
        zero_points = 4 + torch.arange(channels) / 2
    return torch.quantize_per_channel(values, scales, zero_points, axis, dtype)


matrix = ramp(3, 4) - 5
kernel = ramp(2, 3, 2, 2) / 3 - 2
quantised = {
    'q.qint8': torch.quantize_per_tensor(matrix, 0.5, -3, torch.qint8),
    'q.quint8': torch.quantize_per_tensor(matrix, 0.1, 60, torch.quint8),
    'q.fine': torch.quantize_per_tensor(ramp(16, 16) / 7, 0.0371234567890123, 3, torch.quint8),
    'q.qint32': torch.quantize_per_tensor(matrix, 0.25, 100000, torch.qint32),
    'q.rows': torch.quantize_per_tensor(matrix, 0.5, 3, torch.qint8)[1:],
    'q.transposed': torch.quantize_per_tensor(matrix, 0.5, 3, torch.qint8).t(),
    'q.scalar': torch.quantize_per_tensor(torch.tensor(2.0), 0.5, 3, torch.qint8),
    'q.channels.0': per_channel(matrix, 0, torch.qint8),
    'q.channels.1': per_channel(kernel, 1, torch.quint8),
    'q.channels.2': per_channel(kernel, 2, torch.qint32),
    'q.half.bytes': per_channel(matrix, 0, torch.quint4x2),
    'q.fractions': torch.quantize_per_channel(
        ramp(9, 9) / 7, 0.1 + torch.arange(9) / 70, torch.arange(9) / 3 + 0.1, 0, torch.quint8
    ),
    'q.empty': torch.quantize_per_tensor(torch.zeros(0, 2), 0.5, 3, torch.qint8),
}
add_both('quantised tensors', quantised, {key: value.dequantize() for key, value in quantised.items()})

float_model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
quantised_model = torch.ao.quantization.quantize_dynamic(float_model, {nn.Linear}, dtype=torch.qint8)
packed = {}
for key in ('0', '2'):
    weight, bias = quantised_model[int(key)]._weight_bias()
    packed[f'{key}._packed_params._packed_params.0'] = weight.dequantize()
    packed[f'{key}._packed_params._packed_params.1'] = bias
add_both('whole quantised module', quantised_model, packed)
script = io.BytesIO()
torch.jit.save(torch.jit.script(quantised_model), script)
add('quantised TorchScript', script.getvalue(), packed)


class Tagged(torch.Tensor):
    pass


class Wrapped(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        made = torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise NotImplementedError(func)


tagged = ramp(3, 4)[:, 1:].as_subclass(Tagged)
tagged.tag = 'kept as an attribute'
parameter = nn.Parameter(ramp(2, 2))
parameter.tensor_model_parallel = True
subclasses = {'tagged': tagged, 'parameter': parameter}
add_both('tensor subclasses', subclasses, {key: value.as_subclass(torch.Tensor) for key, value in subclasses.items()})

odd = {
    'good': ramp(2),
    'odd rows': per_channel(ramp(3, 3), 0, torch.quint4x2),
    'sparse': torch.eye(3).to_sparse(),
    'sparse.hybrid': torch.sparse_coo_tensor([[0, 2]], ramp(2, 4), (3, 4), dtype=torch.float64),
    'sparse.csr': (torch.eye(3, 4) * 2).to_sparse_csr(),
    'wrapped': Wrapped(ramp(2, 3)),
    'meta': torch.empty(2, 2, device='meta'),
}
add('kinds that are not read', saved(odd), {'good': odd['good']})


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.register_buffer('scale', torch.ones(2))
        self.cache = torch.zeros(3)

    def forward(self, x):
        return self.linear(x) * self.scale + self.cache.sum()


buffer = io.BytesIO()
scripted = torch.jit.script(Block())
torch.jit.save(scripted, buffer)
add('TorchScript', buffer.getvalue(), dict(scripted.state_dict()))

buffer = io.BytesIO()
dense = nn.Sequential(nn.Linear(3, 2), nn.ReLU()).eval()
torch.jit.save(torch.jit.freeze(torch.jit.script(dense)), buffer)
# Its code is `torch.linear(input, CONSTANTS.c0, CONSTANTS.c1)`.
add('frozen TorchScript', buffer.getvalue(), {'CONSTANTS.c0': dense[0].weight, 'CONSTANTS.c1': dense[0].bias})



class Program(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 3, dtype=torch.bfloat16)
        self.head = nn.Linear(3, 5, bias=False, dtype=torch.bfloat16)
        self.head.weight = self.embed.weight
        self.register_buffer('turned', ramp(2, 3, dtype=torch.int64).t())
        self.linear = nn.Linear(2, 3)
        self.constant = torch.ones(3)

    def forward(self, index, x):
        return self.head(self.embed(index)), self.linear(x) + self.constant * self.turned.sum()


program = torch.export.export(Program(), (torch.tensor([1]), ramp(1, 2)))
buffer = io.BytesIO()
torch.export.save(program, buffer)
add('exported program', buffer.getvalue(), dict(program.state_dict))

folder = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(folder, 'torchFixtures.json'), 'w') as file:
    json.dump({'torch': torch.__version__, 'fixtures': fixtures}, file, indent=1)
    file.write('\n')
