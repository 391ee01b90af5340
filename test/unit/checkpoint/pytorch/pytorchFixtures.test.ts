/** Files that PyTorch itself wrote (`test/unit/checkpoint/pytorch/torchFixtures.py`) hold what PyTorch reads from them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint, TensorInfo } from '../../../../extension/checkpoint/checkpoint';
import { pytorchFormat } from '../../../../extension/checkpoint/pytorch/pytorch';
import type { DType } from '../../../../extension/shared/tensors';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { fixtures } from './torchFixtures.json';

const DTYPES: Readonly<Record<string, DType>> = {
  ...{ float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16', int64: 'I64', int32: 'I32', int16: 'I16' },
  ...{ int8: 'I8', uint8: 'U8', bool: 'BOOL', complex64: 'C64', complex128: 'C128', '>i2': 'I16' },
};

interface Fixture {
  file: string;
  tensors: Record<string, { shape: number[]; dtype: string; bytes: string }>;
}

function readableOf({ tensors }: Checkpoint): TensorInfo[] {
  return tensors.filter(({ unreadable }) => unreadable === undefined);
}

describe('PyTorch files written by PyTorch', () => {
  const folder = temporaryFolder();

  async function withCheckpoint(name: string, check: (checkpoint: Checkpoint) => Promise<void> | void): Promise<void> {
    const file = path.join(folder, `${name.replace(/\W+/g, '-')}.pt`);
    writeFileSync(file, Buffer.from((fixtures as Record<string, Fixture>)[name]!.file, 'base64'));
    const checkpoint = await pytorchFormat.open(file);
    try {
      await check(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  for (const [name, { tensors }] of Object.entries(fixtures as Record<string, Fixture>)) {
    it(`${name}: names, shapes, types and values`, () =>
      withCheckpoint(name, async (checkpoint) => {
        const readable = readableOf(checkpoint);
        assert.deepEqual(readable.map((tensor) => tensor.name).toSorted(), Object.keys(tensors).toSorted());
        for (const tensor of readable) {
          const expected = tensors[tensor.name]!;
          assert.deepEqual(tensor.shape, expected.shape, tensor.name);
          assert.equal(tensor.dtype, DTYPES[expected.dtype], tensor.name);
          assert.equal(tensor.byteLength * 2, expected.bytes.length, tensor.name);
          assert.equal(Buffer.from(await checkpoint.read(tensor)).toString('hex'), expected.bytes, tensor.name);
        }
      }));

    it(`${name}: rows read one by one are the same bytes`, () =>
      withCheckpoint(name, async (checkpoint) => {
        for (const tensor of readableOf(checkpoint)) {
          const bands: Uint8Array[] = [];
          for (let row = 0; row < (tensor.shape[0] ?? 1); row++) {
            bands.push(await checkpoint.read(tensor, { start: row, end: row + 1 }));
          }
          assert.equal(Buffer.concat(bands).toString('hex'), tensors[tensor.name]!.bytes, tensor.name);
        }
      }));
  }

  for (const kind of ['zip', 'legacy']) {
    it(`training checkpoint (${kind}): wrappers are groups, scalars are metadata`, () =>
      withCheckpoint(`training checkpoint (${kind})`, ({ tensors, metadata, problems }) => {
        const groups = new Map(tensors.map(({ name, group }) => [name, group]));
        assert.equal(groups.get('module.0.weight'), 'state_dict');
        assert.equal(groups.get('0.exp_avg'), 'optimizer.state');
        assert.equal(metadata.epoch, '3');
        assert.equal(metadata.args, '<argparse.Namespace>');
        assert.equal(metadata['args.lr'], '0.01');
        assert.equal(metadata.numpy, '1.5');
        assert.equal(metadata['optimizer.param_groups.0.lr'], '0.01');
        assert.equal(metadata['objects not loaded'], 'argparse.Namespace');
        assert.deepEqual(problems, []);
      }));

    it(`tied weights (${kind}): the second names the first`, () =>
      withCheckpoint(`tied weights (${kind})`, ({ tensors }) => {
        const shared = tensors.map(({ name, sharedWith }) => [name, sharedWith]);
        assert.deepEqual(shared, [
          ['embed.weight', undefined],
          ['head.weight', 'embed.weight'],
        ]);
      }));

    it(`views (${kind}): other views on the same storage are not called shared`, () =>
      withCheckpoint(`views (${kind})`, ({ tensors }) => {
        assert.deepEqual(
          tensors.filter((tensor) => tensor.sharedWith !== undefined),
          [],
        );
      }));
  }

  it('quantised tensors say how they are stored, and in how many bytes', () =>
    withCheckpoint('quantised tensors (zip)', ({ tensors, metadata, problems }) => {
      assert.deepEqual(problems, []);
      assert.equal(metadata['objects not loaded'], undefined);
      const stored = tensors.map(({ name, encoding }) => [name, encoding?.name, encoding?.byteLength]);
      assert.deepEqual(stored, [
        ['q.qint8', 'qint8', 12],
        ['q.quint8', 'quint8', 12],
        ['q.fine', 'quint8', 256],
        ['q.qint32', 'qint32', 48],
        ['q.rows', 'qint8', 8],
        ['q.transposed', 'qint8', 12],
        ['q.scalar', 'qint8', 1],
        // Scales of 8 bytes and zero points of 8, but for 4-bit codes, where they are of 4.
        ['q.channels.0', 'qint8 per channel', 12 + 3 * 16],
        ['q.channels.1', 'quint8 per channel', 24 + 3 * 16],
        ['q.channels.2', 'qint32 per channel', 96 + 2 * 16],
        ['q.half.bytes', 'quint4x2 per channel', 6 + 3 * 8],
        // Of float32.
        ['q.fractions', 'quint8 per channel', 81 + 9 * 8],
        ['q.empty', 'qint8', 0],
      ]);
    }));

  it('kinds that are not read are each listed with what is known, or named, with the reason', () =>
    withCheckpoint('kinds that are not read', async (checkpoint) => {
      const { tensors, problems } = checkpoint;
      const listed = tensors
        .filter(({ unreadable }) => unreadable !== undefined)
        .map(({ name, shape, dtype, encoding, unreadable }) => [name, shape, dtype, encoding?.name, unreadable]);
      const inside = 'in rows that begin inside of bytes';
      const dense = 'whose dense elements are not stored';
      assert.deepEqual(listed, [
        ['odd rows', [3, 3], 'F32', 'quint4x2 per channel', `elements of type quint4x2 per channel ${inside}`],
        ['sparse', [3, 3], 'F32', 'sparse COO, nnz 3', `a sparse tensor (COO, nnz 3), ${dense}`],
        ['sparse.hybrid', [3, 4], 'F64', 'sparse COO, nnz 2', `a sparse tensor (COO, nnz 2), ${dense}`],
        ['sparse.csr', [3, 4], 'F32', 'sparse CSR, nnz 3', `a sparse tensor (CSR, nnz 3), ${dense}`],
        ['wrapped', [2, 3], 'F32', 'Wrapped', 'a __main__.Wrapped, whose parts only that class puts together'],
        ['meta', [2, 2], 'F32', 'meta', 'a meta tensor, whose values were never stored'],
      ]);
      const sparse = tensors.find(({ name }) => name === 'sparse')!;
      assert.deepEqual([sparse.byteLength, sparse.encoding!.byteLength], [36, 2 * 3 * 8 + 3 * 4]);
      await assert.rejects(checkpoint.read(sparse), { code: 'unsupported', message: /tensor sparse: a sparse/ });
      assert.deepEqual(problems, []);
    }));

  it('TorchScript: tensors outside of the state_dict are named, not listed', () =>
    withCheckpoint('TorchScript', ({ format, metadata }) => {
      assert.equal(format, 'torchscript');
      assert.equal(metadata['tensors outside of the state_dict'], 'cache');
    }));
});
