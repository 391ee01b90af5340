"""Headers as NumPy writes them: `python writeNumpyFixtures.py`. Writes writeNumpyFixtures.json beside it (made with NumPy 2.4.6)."""

import io
import json
import pathlib

import numpy as np

shapes = [(), (7,), (0, 5), (3, 4), (2, 3, 5, 1), (123456, 1), (12345678901234567890123 % 99991, 64), tuple(range(1, 25))]
fixtures = []
for shape in shapes:
    for dtype in ['<f8', '<f4', '<f2', '<i8', '<i4', '<i2', '|i1', '<u8', '<u4', '<u2', '|u1', '|b1', '<c8', '<c16']:
        if len(shape) > 2 and dtype not in ('<f4', '<c16'):
            continue
        out = io.BytesIO()
        header = {'descr': np.dtype(dtype).str, 'fortran_order': False, 'shape': shape}
        np.lib.format.write_array_header_1_0(out, header)
        fixtures.append({'dtype': np.dtype(dtype).name, 'shape': list(shape), 'header': out.getvalue().hex()})

target = pathlib.Path(__file__).parent / 'writeNumpyFixtures.json'
target.write_text(json.dumps({'version': np.__version__, 'fixtures': fixtures}) + '\n')
