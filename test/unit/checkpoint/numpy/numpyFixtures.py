"""Writes test/unit/checkpoint/numpy/numpyFixtures.json: small files made by NumPy itself, with what NumPy reads from them.

Run with NumPy and ml_dtypes installed:  python3 test/unit/checkpoint/numpy/numpyFixtures.py
The tests read only the JSON; this shows how it was made.
"""
import base64
import io
import json
import os

import ml_dtypes
import numpy as np

fixtures = {}
refused = {}


def expect(array):
    contiguous = np.ascontiguousarray(array).reshape(array.shape)
    raw = contiguous.astype(contiguous.dtype.newbyteorder('<')).tobytes()
    return {'shape': list(array.shape), 'dtype': array.dtype.name, 'bytes': raw.hex()}


def add(name, suffix, write, arrays):
    buffer = io.BytesIO()
    write(buffer)
    fixtures[name] = {
        'suffix': suffix,
        'file': base64.b64encode(buffer.getvalue()).decode(),
        'tensors': {key: expect(array) for key, array in arrays.items()},
    }


def ramp(*shape, dtype='f4', order='C'):
    return np.asarray((np.arange(int(np.prod(shape))).reshape(shape) - 2).astype(dtype), order=order)


names = ['float64', 'float32', 'float16', 'int64', 'int32', 'int16', 'int8', 'uint64', 'uint32', 'uint16', 'uint8']
types = {name: ramp(2, 3).astype(name) for name in [*names, 'bool']}
types['complex64'] = (ramp(2, 3) * (1 + 2j)).astype('c8')
types['complex128'] = ramp(2, 3) * (1 + 2j)
types['bfloat16'] = ramp(2, 3).astype(ml_dtypes.bfloat16)
types['float8_e5m2'] = ramp(2, 3).astype(ml_dtypes.float8_e5m2)
add('element types', '.npz', lambda file: np.savez(file, **types), types)
add('element types, compressed', '.npz', lambda file: np.savez_compressed(file, **types), types)

big = {name: ramp(3, 2).astype(name) for name in ['>f8', '>f4', '>f2', '>i8', '>i4', '>i2', '>u2', '>c8', '>c16']}
big = {name.replace('>', 'big-'): array for name, array in big.items()}
add('big-endian', '.npz', lambda file: np.savez(file, **big), big)

fortran = {
    'matrix': ramp(5, 3, order='F'),
    'cube': ramp(2, 3, 4, dtype='f8', order='F'),
    'big': np.asfortranarray(ramp(4, 3, dtype='>f4')),
    'vector': ramp(4, order='F'),
}
add('Fortran order', '.npz', lambda file: np.savez(file, **fortran), fortran)
add('Fortran order, compressed', '.npz', lambda file: np.savez_compressed(file, **fortran), fortran)

small = {'scalar': np.asarray(2.5, 'f4'), 'empty': np.zeros((0, 3), 'f4'), 'one': np.ones((1, 1, 1, 1), 'f2')}
add('scalar and empty', '.npz', lambda file: np.savez(file, **small), small)

positional = {'arr_0': ramp(2, 2), 'nested/kernel': ramp(3, 3, 1, 2)}
add('positions and paths', '.npz', lambda file: np.savez(file, ramp(2, 2), **{'nested/kernel': positional['nested/kernel']}), positional)

for version in [(1, 0), (2, 0), (3, 0)]:
    array = ramp(3, 4, dtype='f8')
    name = f'version {version[0]}'
    add(name, '.npy', lambda file: np.lib.format.write_array(file, array, version=version), {'made': array})
add('one Fortran array', '.npy', lambda file: np.save(file, ramp(3, 4, order='F')), {'made': ramp(3, 4)})

for name, array in {
    'structured': np.zeros(2, [('weight', 'f4'), ('step', 'i4')]),
    'objects': np.array([{'a': 1}, None], object),
    'unicode': np.array(['a', 'bc']),
    'bytes': np.array([b'a', b'bc']),
    'times': np.zeros(2, 'M8[s]'),
    'raw': np.zeros(2, 'V3'),
    'long double': np.zeros(2, np.longdouble),
    'float8_e4m3fn': np.zeros(2, ml_dtypes.float8_e4m3fn),
}.items():
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    refused[name] = base64.b64encode(buffer.getvalue()).decode()

target = os.path.join(os.path.dirname(__file__), 'numpyFixtures.json')
with open(target, 'w') as file:
    json.dump({'fixtures': fixtures, 'refused': refused}, file, indent=1)
    file.write('\n')
