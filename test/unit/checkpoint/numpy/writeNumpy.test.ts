/** The beginning of `.npy` files, byte for byte as NumPy writes it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { dtypes } from '../../../../extension/checkpoint/elements/dtype';
import { readNumpyHeader } from '../../../../extension/checkpoint/numpy/numpyHeader';
import { numpyDescription, numpyHeader } from '../../../../extension/checkpoint/numpy/writeNumpy';
import { repositoryRoot } from '../../../harness/shared';

const { fixtures } = JSON.parse(
  readFileSync(path.join(repositoryRoot, 'test/unit/checkpoint/numpy/writeNumpyFixtures.json'), 'utf8'),
) as { fixtures: { dtype: string; shape: number[]; header: string }[] };

describe('NumPy headers', () => {
  it('equal those of NumPy, for every type and many shapes', () => {
    const descriptions = dtypes.map((dtype) => numpyDescription(dtype));
    for (const { dtype, shape, header } of fixtures) {
      const { descr } = descriptions.find(({ type }) => type === dtype)!;
      assert.equal(Buffer.from(numpyHeader(descr, shape)).toString('hex'), header, `${dtype} ${shape.join()}`);
    }
  });

  it('are read back as what was written', async () => {
    for (const dtype of dtypes) {
      const { descr, as } = numpyDescription(dtype);
      const header = numpyHeader(descr, [2, 3]);
      const found = await readNumpyHeader(
        (start, end) => Promise.resolve(header.subarray(start, end)),
        header.length + 96,
      );
      assert.deepEqual([found.view.dtype, found.view.shape, found.view.byteOffset], [as, [2, 3], header.length]);
    }
  });

  it('say float32 for types that NumPy does not have', () => {
    for (const dtype of ['BF16', 'F8_E4M3', 'F8_E5M2', 'F8_E8M0'] as const) {
      assert.deepEqual(numpyDescription(dtype), { descr: '<f4', type: 'float32', as: 'F32' });
    }
  });
});
