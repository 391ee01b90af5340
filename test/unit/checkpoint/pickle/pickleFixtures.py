"""Writes test/unit/checkpoint/pickle/pickleFixtures.json: one value, pickled by CPython in every protocol. `pickle.test.ts` repeats the value.

python3 test/unit/checkpoint/pickle/pickleFixtures.py
"""
import base64
import collections
import json
import os
import pickle
import platform

shared = [1, 2]
numbers = [0, 1, -2, 255, 256, 65536, -(2**31), 2**40, -(2**63), 2**70, -(2**70), True, False, None, 1.5, -0.25, float('inf')]
value = {
    'numbers': numbers,
    'text': 'ä\n"x" \\u0041 €😀',
    'bytes': b'\x00\xff\n',
    'array': bytearray(b'ab'),
    'tuples': ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
    'set': {1},
    'frozen': frozenset(['f']),
    7: 'seven',
    None: 'none',
    'shared': [shared, shared],
    'long': 'x' * 300,
    'ordered': collections.OrderedDict([('b', 1), ('a', 2)]),
    'default': collections.defaultdict(list, {'k': [1]}),
}

folder = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(folder, 'pickleFixtures.json'), 'w') as file:
    pickles = [base64.b64encode(pickle.dumps(value, protocol)).decode() for protocol in range(6)]
    json.dump({'python': platform.python_version(), 'protocols': pickles}, file, indent=2)
    file.write('\n')
