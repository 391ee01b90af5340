/** Names that are too long, in every format that can hold them: none reaches the rest of the program. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { MAX_NAME } from '../../../../extension/checkpoint/elements/names';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { flaxArray, floats, map } from '../../../harness/checkpoints/msgpackWriter';
import { floatTensor, graph, model } from '../../../harness/checkpoints/onnxWriter';
import * as p from '../../../harness/checkpoints/pickleWriter';
import { rawSafetensors, safetensorsBytes, ramp } from '../../../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { torchZip } from '../../../harness/checkpoints/torchFiles';
import { zip } from '../../../harness/checkpoints/zipWriter';

const LONG = 'n'.repeat(MAX_NAME + 1);
const LONGEST = 'n'.repeat(MAX_NAME);

/** A file with tensors of these names. */
const FORMATS: readonly (readonly [file: string, make: (names: readonly string[]) => Uint8Array])[] = [
  ['a.safetensors', (names) => safetensorsBytes(names.map((name, i) => ramp(name, [2, 2], i)))],
  [
    'a.pt',
    (names) =>
      torchZip(p.pickle(p.dict(...names.map((n) => [n, p.tensor({ shape: [2, 2] })] as [string, Buffer]))), {
        0: p.ramp(4),
      }),
  ],
  ['a.npz', (names) => zip(names.map((name) => ({ name: `${name}.npy`, bytes: npy() })))],
  ['a.msgpack', (names) => map(names.map((name) => [name, flaxArray([2, 2], 'float32', floats(4))] as const))],
  ['a.onnx', (names) => model(graph({ initializers: names.map((name) => floatTensor(name, [2, 2])) }))],
];

function npy(): Buffer {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\0', 'latin1'),
    Buffer.from([header.length, 0]),
    Buffer.from(header),
    Buffer.alloc(16),
  ]);
}

describe('names of tensors', () => {
  const folder = temporaryFolder();

  for (const [file, make] of FORMATS) {
    it(`${path.extname(file)}: those that are too long are left out, and told`, async () => {
      const at = path.join(folder, file);
      writeFileSync(at, make(['a', LONG, LONGEST.slice(10), 'b']));
      const checkpoint = await openModel(at);
      const names = checkpoint.tensors.map(({ name }) => name);
      await checkpoint.close();
      assert.ok(names.includes('a') && !names.includes(LONG), names.map((name) => name.length).join());
      assert.ok(checkpoint.problems.some(({ code }) => code === 'limit' || code === 'malformed'));
      for (const { message, tensor = '' } of checkpoint.problems) {
        assert.ok(message.length < 2000 && tensor.length <= MAX_NAME);
      }
    });
  }

  it('of 50 MB is not made a text of', async () => {
    const at = path.join(folder, 'huge.safetensors');
    const name = 'a.'.repeat(25e6);
    writeFileSync(
      at,
      rawSafetensors(
        JSON.stringify({
          [name]: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
          b: { dtype: 'F32', shape: [1], data_offsets: [4, 8] },
        }),
        8,
      ),
    );
    const checkpoint = await openModel(at);
    await checkpoint.close();
    assert.deepEqual(
      checkpoint.tensors.map((tensor) => tensor.name),
      ['b'],
    );
    assert.deepEqual(
      checkpoint.problems.map(({ code }) => code),
      ['limit'],
    );
  });

  it('and keys of the metadata', async () => {
    const at = path.join(folder, 'keys.safetensors');
    writeFileSync(at, safetensorsBytes([ramp('a', [2])], { [LONG]: 'x', [LONG.repeat(10)]: 'y', format: 'pt' }));
    const checkpoint = await openModel(at);
    await checkpoint.close();
    assert.deepEqual(checkpoint.metadata, { format: 'pt' });
    assert.equal(checkpoint.problems.length, 2);
  });
});
