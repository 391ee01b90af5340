import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { summarise } from '../../../../extension/engine/document/summary';
import { PARTS_KEY, type PartsWeight } from '../../../../extension/shared/compression/parts';
import { partsFileBytes, partsOfAllKinds } from './partsFiles';
import {
  ramp,
  safetensorsBytes,
  writeSharded,
  type FixtureTensor,
} from '../../../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../../../harness/temporaryFolder';

type Changeable<T> = { -readonly [K in keyof T]: T[K] };

describe('weights in parts', () => {
  const folder = temporaryFolder();
  let count = 0;

  async function opened<T>(bytes: Uint8Array | string, use: (checkpoint: Checkpoint) => Promise<T> | T): Promise<T> {
    const file = typeof bytes === 'string' ? bytes : path.join(folder, `parts${count++}.safetensors`);
    if (typeof bytes !== 'string') writeFileSync(file, bytes);
    const checkpoint = await openModel(file);
    try {
      return await use(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  const read = async (
    checkpoint: Checkpoint,
    name: string,
    rows?: { start: number; end: number },
  ): Promise<Float32Array> => {
    const tensor = checkpoint.tensors.find((each) => each.name === name);
    assert.ok(tensor, `${name} is not there: ${checkpoint.problems.map(({ message }) => message).join('; ')}`);
    return new Float32Array((await checkpoint.read(tensor, rows)).slice().buffer);
  };

  for (const dtype of ['F32', 'BF16', 'F64'] as const) {
    it(`are shown as the matrix that they add up to: every kind, stored in ${dtype}, either way round`, async () => {
      const file = partsOfAllKinds(dtype, [4, 5, 6]);
      await opened(partsFileBytes(file), async (checkpoint) => {
        assert.deepEqual(checkpoint.problems, []);
        for (const [name, expected] of Object.entries(file.dense)) {
          const tensor = checkpoint.tensors.find((each) => each.name === name)!;
          assert.deepEqual(tensor.shape, file.weights[name]!.shape);
          const found = await read(checkpoint, name);
          const largest = Math.max(...expected.map(Math.abs));
          assert.equal(found.length, expected.length);
          found.forEach((value, i) => {
            assert.ok(Math.abs(value - expected[i]!) <= 1e-6 * largest, `${name} ${i}: ${value}, not ${expected[i]}`);
          });
          const rows = { start: 1, end: tensor.shape[0]! - 1 };
          const each = found.length / tensor.shape[0]!;
          assert.deepEqual(await read(checkpoint, name, rows), found.slice(each, -each), name);
          assert.deepEqual(await read(checkpoint, name, { start: 2, end: 2 }), new Float32Array(0));
        }
      });
    });
  }

  it('count as what is stored, and have the only spectra', async () => {
    const file = partsOfAllKinds('F32');
    await opened(partsFileBytes(file), (checkpoint) => {
      const { parameters, bytes, tensors } = summarise(checkpoint, 'd', [], { fields: {}, tied: false });
      const stored = file.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
      assert.equal(parameters, stored);
      assert.equal(
        bytes,
        file.tensors.reduce((sum, tensor) => sum + tensor.bytes.length, 0),
      );
      assert.deepEqual(tensors.flatMap(({ layers }) => layers).sort(), Object.keys(file.dense).sort());
      assert.equal(checkpoint.tensors.find(({ name }) => name === 'product.weight')?.product?.rank, 2);
    });
  });

  it('are found in shards', async () => {
    const { tensors, weights, dense } = partsOfAllKinds('F32');
    const half = Math.ceil(tensors.length / 2);
    const own = path.join(folder, 'sharded');
    const shards = { 'a.safetensors': tensors.slice(0, half), 'b.safetensors': tensors.slice(half) };
    const index = writeSharded(own, shards);
    for (const [name, shard] of Object.entries(shards)) {
      const metadata = { format: 'pt', [PARTS_KEY]: JSON.stringify({ version: 1, weights }) };
      writeFileSync(path.join(own, name), safetensorsBytes(shard, metadata));
    }
    await opened(index, async (checkpoint) => {
      assert.deepEqual(checkpoint.problems, []);
      const found = await read(checkpoint, 'sum.weight');
      dense['sum.weight']!.forEach((value, i) => assert.ok(Math.abs(value - found[i]!) < 1e-5));
    });
  });

  /** The file with the manifest of one weight changed, and the others as they are. */
  function changed(name: string, change: (weight: Changeable<PartsWeight>) => unknown): Buffer {
    const file = partsOfAllKinds('F32');
    const weight = structuredClone(file.weights[name]!) as Changeable<PartsWeight>;
    const result = change(weight);
    return partsFileBytes({ ...file, weights: { ...file.weights, [name]: (result ?? weight) as PartsWeight } });
  }

  const part = (
    weight: PartsWeight,
    index = 0,
  ): { kind: string; tensors: Record<string, string>; values: Record<string, unknown> } => weight.parts[index] as never;
  const hostile: Readonly<Record<string, [string, (weight: Changeable<PartsWeight>) => unknown, RegExp]>> = {
    'a tensor that is not there': [
      'product.weight',
      (w) => ((part(w).tensors['left'] = 'gone'), undefined),
      /part 0 \(product\) has its "left" in gone, which is not there/,
    ],
    'a field that is not there': [
      'cur.weight',
      (w) => (delete part(w).tensors['core'], undefined),
      /part 0 \(cur\) has no tensor "core"/,
    ],
    'a field of the prototype': [
      'product.weight',
      (w) => ((part(w).kind = 'constructor'), undefined),
      /kind "constructor", which is not known/,
    ],
    'rank 0': [
      'product.weight',
      (w) => ((part(w).values['rank'] = 0), undefined),
      /has the "rank" 0, which is no count/,
    ],
    'a rank that is no number': [
      'product.weight',
      (w) => ((part(w).values['rank'] = 'NaN'), undefined),
      /"rank" "NaN", which is no count/,
    ],
    'a tensor of another shape': [
      'product.weight',
      (w) => ((part(w).tensors['left'] = 'dct.weight.dct0.coefficients'), undefined),
      /of \[6, 4\], not \[6, 2\]/,
    ],
    'a tensor of another type': [
      'columns.weight',
      (w) => ((part(w).tensors['indices'] = 'columns.weight.columns0.values'), undefined),
      /is F32, not I32/,
    ],
    'another shape of the weight': ['sum.weight', (w) => ((w.shape = [7, 20]), undefined), /not \[7, /],
    'an absurd shape': ['sum.weight', (w) => ((w.shape = [2 ** 40, 2 ** 40]), undefined), /too large to exist/],
    'a shape that is none': ['sum.weight', (w) => ((w.shape = [6, -20]), undefined), /not a list of sizes/],
    'an empty shape': ['sum.weight', (w) => ((w.shape = []), undefined), /no matrix's/],
    'no parts': ['sum.weight', (w) => ((w.parts = []), undefined), /no list of parts/],
    'a thousand parts': [
      'sum.weight',
      (w) => ((w.parts = new Array(1000).fill(w.parts[0]) as never), undefined),
      /no list of parts/,
    ],
    'no word on the orientation': [
      'sum.weight',
      (w) => (delete (w as { transposed?: boolean }).transposed, undefined),
      /transposed/,
    ],
    'a quantiser that is not known': [
      'nf4.weight',
      (w) => ((part(w).values['quantiser'] = 'nf5'), undefined),
      /"nf5", which is not known/,
    ],
    'bits that a quantiser has not': ['nf4.weight', (w) => ((part(w).values['bits'] = 5), undefined), /nf4 has 5 bits/],
    'a block of 0': ['nf4.weight', (w) => ((part(w).values['block'] = 0), undefined), /"block" 0/],
    'bonds that do not close': [
      'tensor-train.weight',
      (w) => ((part(w).values['bonds'] = [1, 2, 3, 2]), undefined),
      /the bonds 1, 2, 3, 2/,
    ],
    'sizes of another matrix': [
      'tensor-train.weight',
      (w) => ((part(w).values['rowSizes'] = [2, 3, 2]), undefined),
      /sizes of 12 × 20, not/,
    ],
    'a number in its place': ['sum.weight', () => 7, /its manifest is no object/],
  };
  for (const [what, [name, change, message]] of Object.entries(hostile)) {
    it(`stay in parts with a problem: ${what}`, async () => {
      await opened(changed(name, change), (checkpoint) => {
        assert.equal(checkpoint.problems.length, 1);
        const [problem] = checkpoint.problems;
        assert.match(problem!.message, message);
        assert.ok(problem!.message.includes(name) && problem!.file !== undefined);
        assert.ok(!checkpoint.tensors.some((tensor) => tensor.name === name));
        const others = checkpoint.tensors.filter(({ madeOf, product }) => madeOf ?? product);
        assert.equal(others.length, Object.keys(partsOfAllKinds('F32').dense).length - 1);
      });
    });
  }

  it('are refused when they are read, if what they hold cannot be', async () => {
    const withBytes = (name: string, change: (bytes: Buffer) => void): Buffer => {
      const file = partsOfAllKinds('F32');
      const tensors = file.tensors.map((tensor): FixtureTensor => {
        if (tensor.name !== name) return tensor;
        const bytes = Buffer.from(tensor.bytes);
        change(bytes);
        return { ...tensor, bytes };
      });
      return partsFileBytes({ ...file, tensors });
    };
    const cases: [string, string, (bytes: Buffer) => void, RegExp][] = [
      [
        'columns.weight',
        'columns.weight.columns0.indices',
        (bytes) => bytes.writeInt32LE(20),
        /has 20 at 0 of "indices", where 20 are/,
      ],
      ['sparse.weight', 'sparse.weight.sparse0.rows', (bytes) => bytes.writeInt32LE(-1), /has -1 at 0 of "rows"/],
      ['dct.turned', 'dct.turned.dct0.indices', (bytes) => bytes.writeInt32LE(1 << 30), /of "indices"/],
      [
        'dictionary.weight',
        'dictionary.weight.dictionary0.mask',
        (bytes) => (bytes[0] = 0xff),
        /more atoms in row 0 of "mask" than values/,
      ],
      [
        'dictionary.weight',
        'dictionary.weight.dictionary0.mask',
        (bytes) => (bytes[0] = 0),
        /has 1 atoms in row 0 of "mask", not 2/,
      ],
    ];
    for (const [name, tensor, change, message] of cases) {
      await opened(withBytes(tensor, change), async (checkpoint) => {
        await assert.rejects(read(checkpoint, name), { name: 'CheckpointError', code: 'malformed', message });
      });
    }
  });

  it('of a manifest that is none are shown as they are', async () => {
    const manifests = ['{', '7', '[]', '{"version":2,"weights":{}}', '{"version":1}', '{"version":1,"weights":[]}'];
    for (const text of manifests) {
      const bytes = safetensorsBytes([ramp('a.weight', [2, 2])], { [PARTS_KEY]: text });
      await opened(bytes, (checkpoint) => {
        assert.match(
          checkpoint.problems[0]?.message ?? '',
          /eigenscope\.parts .* so its weights are shown in parts/,
          text,
        );
        assert.equal(checkpoint.tensors.length, 1);
      });
    }
  });
});
