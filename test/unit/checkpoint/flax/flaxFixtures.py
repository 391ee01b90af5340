"""Writes test/unit/checkpoint/flax/flaxFixtures.json: small files made by Flax itself, with what Flax reads from them.

Run with Flax installed:  python3 test/unit/checkpoint/flax/flaxFixtures.py
The tests read only the JSON; this shows how it was made.
"""
import base64
import json
import os

import flax.linen as nn
import flax.serialization as serialization
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training.train_state import TrainState

fixtures = {}


def leaves(tree, path=()):
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif isinstance(tree, (np.ndarray, np.generic)):
        yield '/'.join(path), np.asarray(tree)


def add(name, tree):
    file = serialization.to_bytes(tree)
    fixtures[name] = {
        'file': base64.b64encode(file).decode(),
        'tensors': {
            key: {'shape': list(array.shape), 'dtype': array.dtype.name, 'bytes': array.tobytes().hex()}
            for key, array in leaves(serialization.msgpack_restore(file))
        },
    }


class Model(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Conv(3, (2, 2))(x)
        return nn.Dense(2)(x)


model = Model()
variables = model.init(jax.random.PRNGKey(0), jnp.ones((1, 4, 4, 2)))
add('variables', variables)
state = TrainState.create(apply_fn=model.apply, params=variables['params'], tx=optax.adam(1e-3))
add('train state', state)

names = ['float32', 'float16', 'bfloat16', 'float8_e4m3fn', 'float8_e5m2', 'int32', 'int16', 'int8', 'uint32', 'uint8', 'bool', 'complex64']
add('element types', {name: jnp.arange(6).reshape(2, 3).astype(name) for name in names})
add('NumPy types', {name: (np.arange(6).reshape(2, 3) - 2).astype(name) for name in ['float64', 'int64', 'uint64', 'uint16', 'complex128']})
add('leaves of other kinds', {'weight': np.ones((2, 2), 'f4'), 'step': 7, 'rate': 0.5, 'name': 'run', 'none': None, 'scalar': np.float32(2.5), 'z': 1 + 2j, 'list': [np.zeros(2, 'f4'), 3], 'empty': np.zeros((0, 3), 'f4')})

serialization.MAX_CHUNK_SIZE = 40
add('chunks', {'large': np.arange(35, dtype='f4').reshape(7, 5), 'small': np.arange(4, dtype='f4')})

target = os.path.join(os.path.dirname(__file__), 'flaxFixtures.json')
with open(target, 'w') as file:
    json.dump({'fixtures': fixtures}, file, indent=2)
    file.write('\n')
