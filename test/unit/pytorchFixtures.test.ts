/** Files that PyTorch itself wrote (`test/harness/torchFixtures.py`) hold what PyTorch reads from them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../extension/checkpoint/checkpoint';
import { pytorchFormat } from '../../extension/checkpoint/pytorch';
import type { DType } from '../../extension/protocol';
import { temporaryFolder } from '../harness/temporaryFolder';
import { fixtures } from './torchFixtures.json';

const DTYPES: Readonly<Record<string, DType>> = {
  ...{ float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16', int64: 'I64', int32: 'I32', int16: 'I16' },
  ...{ int8: 'I8', uint8: 'U8', bool: 'BOOL', complex64: 'C64', complex128: 'C128', '>i2': 'I16' },
};

interface Fixture {
  file: string;
  tensors: Record<string, { shape: number[]; dtype: string; bytes: string }>;
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
        const names = checkpoint.tensors.map((tensor) => tensor.name);
        assert.deepEqual(names.toSorted(), Object.keys(tensors).toSorted());
        for (const tensor of checkpoint.tensors) {
          const expected = tensors[tensor.name]!;
          assert.deepEqual(tensor.shape, expected.shape, tensor.name);
          assert.equal(tensor.dtype, DTYPES[expected.dtype], tensor.name);
          assert.equal(tensor.byteLength * 2, expected.bytes.length, tensor.name);
          assert.equal(Buffer.from(await checkpoint.read(tensor)).toString('hex'), expected.bytes, tensor.name);
        }
      }));

    it(`${name}: rows read one by one are the same bytes`, () =>
      withCheckpoint(name, async (checkpoint) => {
        for (const tensor of checkpoint.tensors) {
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

  it('kinds that are not read are each named, with the reason', () =>
    withCheckpoint('kinds that are not read', ({ problems }) => {
      const found = problems.map(({ code, tensor, message }) => [
        code,
        tensor,
        /is (quantised|sparse|a meta)/.exec(message)?.[1],
      ]);
      assert.deepEqual(found, [
        ['unsupported', 'quantised', 'quantised'],
        ['unsupported', 'sparse', 'sparse'],
        ['unsupported', 'meta', 'a meta'],
      ]);
    }));

  it('TorchScript: tensors outside of the state_dict are named, not listed', () =>
    withCheckpoint('TorchScript', ({ format, metadata }) => {
      assert.equal(format, 'torchscript');
      assert.equal(metadata['tensors outside of the state_dict'], 'cache');
    }));
});
