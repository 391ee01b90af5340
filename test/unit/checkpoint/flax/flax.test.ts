import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { flaxFormat } from '../../../../extension/checkpoint/flax/flax';
import { openModel } from '../../../../extension/checkpoint/openModel';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import type { DType } from '../../../../extension/shared/tensors';
import { formatFolder } from '../../../harness/checkpoints/formatFolder';
import {
  bin,
  chunkedArray,
  extension,
  flaxArray,
  floats,
  list,
  map,
  text,
  unsigned,
} from '../../../harness/checkpoints/msgpackWriter';
import { codeOf, namesOf, readHex } from '../../../harness/checkpoints/torchFiles';
import { fixtures } from './flaxFixtures.json';

const DTYPES: Readonly<Record<string, DType>> = {
  ...{ float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16' },
  ...{ float8_e4m3fn: 'F8_E4M3', float8_e5m2: 'F8_E5M2' },
  ...{ int64: 'I64', int32: 'I32', int16: 'I16', int8: 'I8' },
  ...{ uint64: 'U64', uint32: 'U32', uint16: 'U16', uint8: 'U8' },
  ...{ bool: 'BOOL', complex64: 'C64', complex128: 'C128' },
};

interface Fixture {
  file: string;
  tensors: Record<string, { shape: number[]; dtype: string; bytes: string }>;
}

const kernel = flaxArray([2, 3], 'float32', floats(6));
const bias = flaxArray([3], 'float32', floats(3, 6));
const small = map([['params', map([['Dense_0', map([['kernel', kernel], ['bias', bias]])]])]]); // prettier-ignore
const SMALL_NAMES = ['params/Dense_0/kernel', 'params/Dense_0/bias'];

describe('Flax files written by Flax', () => {
  const { open } = formatFolder(flaxFormat, 'made.msgpack');

  for (const [name, { file, tensors }] of Object.entries(fixtures as unknown as Record<string, Fixture>)) {
    it(`${name}: names, shapes, types and values, whole and in rows`, async () => {
      const checkpoint = await open(Buffer.from(file, 'base64'));
      assert.deepEqual(checkpoint.problems, []);
      assert.deepEqual(namesOf(checkpoint).toSorted(), Object.keys(tensors).toSorted());
      for (const tensor of checkpoint.tensors) {
        const expected = tensors[tensor.name]!;
        assert.deepEqual([tensor.shape, tensor.dtype], [expected.shape, DTYPES[expected.dtype]], tensor.name);
        assert.equal(tensor.kernelLayout, '…IO');
        assert.equal(await readHex(checkpoint, tensor.name), expected.bytes, tensor.name);
        const rows: string[] = [];
        for (let row = 0; row < (tensor.shape[0] ?? 1); row++) {
          rows.push(await readHex(checkpoint, tensor.name, { start: row, end: row + 1 }));
        }
        assert.equal(rows.join(''), expected.bytes, tensor.name);
      }
    });
  }

  it('show leaves that are no arrays as metadata', async () => {
    const { metadata } = await open(Buffer.from(fixtures['leaves of other kinds'].file, 'base64'));
    const { step, rate, name, none, z } = metadata;
    assert.deepEqual(
      { step, rate, name, none, z, 'list/1': metadata['list/1'] },
      {
        ...{ step: '7', rate: '0.5', name: 'run', none: 'null', z: '<complex number>', 'list/1': '3' },
      },
    );
  });
});

describe('Flax files', () => {
  const { open, refusal, write } = formatFolder(flaxFormat, 'made.msgpack');

  const problems = (checkpoint: Checkpoint): unknown[] => checkpoint.problems.map(({ code, tensor }) => [code, tensor]);

  it('are known by what they begin with, whatever the name', async () => {
    const checkpoint = await openModel(write(small, 'checkpoint_1000'));
    assert.equal(checkpoint.format, 'flax');
    await checkpoint.close();
  });

  it('cut at any byte are refused, or show the tensors before the place', async () => {
    const end = small.indexOf(bias) + bias.length;
    for (let length = 1; length < small.length; length++) {
      const cut = small.subarray(0, length);
      if (length < small.indexOf(kernel) + kernel.length) assert.equal((await refusal(cut)).code, 'truncated');
      else {
        const checkpoint = await open(cut);
        assert.deepEqual(namesOf(checkpoint), SMALL_NAMES.slice(0, length < end ? 1 : 2));
        assert.equal(checkpoint.problems[0]?.code, 'truncated');
      }
    }
  });

  it('name an array that is not what it says, and show those around it', async () => {
    const bad: [string, Buffer, string][] = [
      ['size', flaxArray([2, 4], 'float32', floats(6)), 'malformed'],
      ['type', flaxArray([2], 'int4', Buffer.alloc(2)), 'unsupported'],
      ['property', flaxArray([2], 'constructor', Buffer.alloc(2)), 'unsupported'],
      ['code', flaxArray([2], 'float32', floats(2), 9), 'unsupported'],
      ['rank', extension(1, Buffer.concat([Buffer.of(0x93), list([], 2 ** 32 - 1)])), 'malformed'],
      ['negative', extension(1, Buffer.from([0x93, 0x91, 0xff, 0xa1, 0x78, 0xc4, 0])), 'malformed'],
      ['shape', extension(1, Buffer.concat([Buffer.of(0x93, 0x91), text('x'), text('int8'), bin(Buffer.alloc(1))])), 'malformed'],
      ['short', extension(1, Buffer.concat([Buffer.of(0x93, 0x91, 2), text('int8'), bin(Buffer.alloc(1))])), 'malformed'],
      ['behind', extension(1, Buffer.concat([Buffer.of(0x93, 0x91, 1), text('int8'), bin(Buffer.alloc(1)), bin(Buffer.alloc(9))])), 'malformed'],
      ['beyond', extension(1, Buffer.concat([Buffer.of(0x93, 0x91, 1), text('int8'), bin(Buffer.alloc(1), 2 ** 32 - 1)])), 'malformed'],
      ['empty', extension(1, Buffer.alloc(0)), 'malformed'],
      ['elsewhere', text('PLACEHOLDER://params.kernel'), 'unsupported'],
    ]; // prettier-ignore
    for (const [name, value, code] of bad) {
      const checkpoint = await open(map([['first', kernel], [name, value], ['last', bias]])); // prettier-ignore
      assert.deepEqual(namesOf(checkpoint), ['first', 'last'], name);
      assert.deepEqual(problems(checkpoint), [[code, name]]);
      assert.equal(await readHex(checkpoint, 'last'), floats(3, 6).toString('hex'));
    }
  });

  it('stop at what is no MessagePack, or longer than the file', async () => {
    const bad: [Buffer, string][] = [
      [Buffer.of(0xc1), 'malformed'],
      [map([], 2 ** 32 - 1), 'truncated'],
      [list([], 2 ** 32 - 1), 'truncated'],
      [text('x', 2 ** 32 - 1), 'truncated'],
      [bin(Buffer.alloc(1), 2 ** 32 - 1), 'truncated'],
      [extension(1, Buffer.alloc(1), 2 ** 32 - 1), 'truncated'],
      [extension(2, Buffer.alloc(1), 2 ** 32 - 1), 'truncated'],
    ];
    for (const [value, code] of bad) {
      const checkpoint = await open(map([['first', kernel], ['bad', value]])); // prettier-ignore
      assert.deepEqual(namesOf(checkpoint), ['first']);
      assert.deepEqual(
        checkpoint.problems.map((problem) => problem.code),
        [code],
      );
    }
  });

  it('whose chunks do not make up the array are malformed', async () => {
    const half = flaxArray([3], 'float32', floats(3));
    const good = await open(map([['w', chunkedArray([2, 3], [half, half])]])); // prettier-ignore
    assert.equal(await readHex(good, 'w', { start: 1, end: 2 }), floats(3).toString('hex'));
    for (const value of [
      chunkedArray([2, 4], [half, half]),
      chunkedArray([2, 3], []),
      chunkedArray([2, 3], [half, flaxArray([3], 'int32', floats(3))]),
      chunkedArray([2, 3], [half, text('x')]),
      chunkedArray([2, 3], [half, flaxArray([9], 'float32', floats(3))]),
    ]) {
      const { problems: found } = await open(map([['first', kernel], ['w', value]])); // prettier-ignore
      assert.deepEqual(
        found.map(({ code, tensor }) => [code, tensor]),
        [['malformed', 'w']],
      );
    }
  });

  it('have bounds to depth, names and numbers of values', async () => {
    let deep = kernel;
    for (let i = 0; i < 100; i++) deep = map([['a', deep]]);
    assert.equal((await refusal(deep)).code, 'limit');
    assert.equal((await refusal(Buffer.concat([Buffer.of(0x81), Buffer.alloc(1_000_000, 0x91)]))).code, 'malformed');
    assert.equal((await refusal(map([['x', Buffer.alloc(1_000_000, 0x91)]]))).code, 'limit');
    assert.equal((await refusal(map([['k'.repeat(5000), kernel]]))).code, 'limit');
    let long = kernel;
    for (let i = 0; i < 5; i++) long = map([['k'.repeat(1000), long]]);
    assert.equal((await refusal(long)).code, 'limit');
    const many = await open(map([['first', kernel], ['x', list([Buffer.alloc(2_100_000, 0xc0)], 2_100_000)]])); // prettier-ignore
    assert.deepEqual(problems(many), [['limit', undefined]]);
  });

  it('with the same name twice show the first', async () => {
    const twice = await open(map([['a', map([['b', kernel]])], ['a/b', bias], [1, bias]])); // prettier-ignore
    assert.deepEqual(namesOf(twice), ['a/b', '1']);
    assert.deepEqual(problems(twice), [['malformed', 'a/b']]);
    assert.equal((await twice.read(twice.tensors[0]!)).length, 24);
  });

  it('with something behind the tree tell of it', async () => {
    const checkpoint = await open(Buffer.concat([small, unsigned(7)]));
    assert.deepEqual(namesOf(checkpoint), SMALL_NAMES);
    assert.deepEqual(problems(checkpoint), [['malformed', undefined]]);
  });

  it('that hold no map are of another format', async () => {
    assert.equal((await refusal(kernel)).code, 'unknown-format');
    assert.equal((await refusal(Buffer.from('text'))).code, 'unknown-format');
  });

  it('that changed while they were open are said to have; reading stops when it is told to', async () => {
    const checkpoint = await open(small);
    const [tensor] = checkpoint.tensors;
    await assert.rejects(checkpoint.read(tensor!, undefined, AbortSignal.abort()), { name: 'AbortError' });
    utimesSync(checkpoint.path, 1, 1);
    assert.equal(await codeOf(checkpoint.read(tensor!)), 'changed');
  });
});
