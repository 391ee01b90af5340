"""The modules that load a weight's two factors, in PyTorch itself.

  python3 factorModules.py make           writes test/engine/factorModules.json: a model, inputs, and what its layers put
                                          out at rank 3 by PyTorch's own SVD
  python3 factorModules.py check FILE     loads FILE (saved from that model by Eigenscope) strictly into the modules that its
                                          metadata name, and prints by how much each differs from that reference

Needs PyTorch and safetensors; takes Conv1D from transformers where that is installed.
"""
import base64
import json
import os
import sys

import safetensors.torch
import torch
from safetensors import safe_open
from torch import nn

try:
    from transformers.pytorch_utils import Conv1D
except ImportError:

    class Conv1D(nn.Module):
        """As transformers has it: a Linear whose weight is in x out."""

        def __init__(self, nf, nx):
            super().__init__()
            self.weight = nn.Parameter(torch.empty(nx, nf))
            self.bias = nn.Parameter(torch.zeros(nf))

        def forward(self, x):
            return x @ self.weight + self.bias


RANK = 3
FIXTURE = os.path.join(os.path.dirname(__file__), 'factorModules.json')

MODULES = {
    'fc': nn.Linear(7, 9),
    'head': nn.Linear(6, 8, bias=False),
    'h.0.attn.c_attn': Conv1D(15, 5),
    'h.0.attn.c_proj': Conv1D(5, 5),
    'conv': nn.Conv2d(4, 6, (3, 2)),
    'line': nn.Conv1d(4, 5, 3, bias=False),
    'wte': nn.Embedding(11, 6),
}
INPUTS = {
    'fc': (2, 7),
    'head': (2, 6),
    'h.0.attn.c_attn': (2, 5),
    'h.0.attn.c_proj': (2, 5),
    'conv': (1, 4, 4, 3),
    'line': (1, 4, 5),
    'wte': (3,),
}


def low_rank(weight):
    matrix = weight.double().reshape(weight.shape[0], -1)
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    return ((u[:, :RANK] * s[:RANK]) @ vt[:RANK]).reshape(weight.shape)


def reference(name, module, x):
    module = module.double()
    with torch.no_grad():
        module.weight.copy_(low_rank(module.weight))
        return module(x if name == 'wte' else x.double())


def make():
    torch.manual_seed(3)
    state, layers = {}, {}
    for name, module in MODULES.items():
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.5)
        for key, value in module.state_dict().items():
            state[f'{name}.{key}'] = value.clone().contiguous()
        x = torch.randint(11, (3,)) if name == 'wte' else torch.randn(INPUTS[name])
        y = reference(name, module, x)
        layers[name] = {
            'input': x.flatten().tolist(),
            'inputShape': list(x.shape),
            'output': y.flatten().tolist(),
        }
    file = safetensors.torch.save(state)
    with open(FIXTURE, 'w') as out:
        json.dump({'file': base64.b64encode(file).decode(), 'rank': RANK, 'layers': layers}, out)
        out.write('\n')


def check(path):
    with open(FIXTURE) as file:
        layers = json.load(file)['layers']
    state = safetensors.torch.load_file(path)
    with safe_open(path, 'pt') as file:
        notes = json.loads(file.metadata()['eigenscope'])['layers']
    differences = {}
    for note in notes:
        name = note['layer'].removesuffix('.weight')
        module = eval(note['weight']['modules'], {'nn': nn, 'Conv1D': Conv1D})
        own = {key[len(name) + 1 :]: value for key, value in state.items() if key.startswith(f'{name}.')}
        module.load_state_dict(own, strict=True)
        layer = layers[name]
        x = torch.tensor(layer['input']).reshape(layer['inputShape'])
        with torch.no_grad():
            y = module.double()(x if name == 'wte' else x.double()).flatten()
        expected = torch.tensor(layer['output'], dtype=torch.float64)
        differences[name] = ((y - expected).norm() / expected.norm()).item()
    print(json.dumps(differences))


if __name__ == '__main__':
    if sys.argv[1:] == ['make']:
        make()
    else:
        check(sys.argv[2])
