/** Elements of parts of layers, and `.npy` files of them, as the engine's process answers; read back by NumPy. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DEFAULT_FARMS } from '../../../extension/engine/terminal/cliArguments';
import { indicesOf, type ArrayContents } from '../../../extension/shared/elements';
import { uniform } from '../../harness/checkpoints/madeCheckpoints';
import { EngineProcess } from '../../harness/engineProcess';
import { pythonWith } from '../../harness/python';

const settings = { farms: DEFAULT_FARMS };

/** Elements of each tensor as they are stored, and what they mean. */
interface Made {
  dtype: string;
  shape: number[];
  bytes: Buffer;
  values: Float64Array;
}

const count = (shape: number[]): number => shape.reduce((product, size) => product * size, 1);

function float32(shape: number[], seed: number): Made {
  const values = uniform(count(shape), seed);
  return { dtype: 'F32', shape, bytes: Buffer.from(values.buffer), values: Float64Array.from(values) };
}

/** The upper halves of float32 numbers. */
function bfloat16(shape: number[], seed: number): Made {
  const words = new Uint32Array(uniform(count(shape), seed).buffer);
  const bytes = Buffer.from(Uint16Array.from(words, (word) => word >>> 16).buffer);
  const values = Float64Array.from(new Float32Array(words.map((word) => word & 0xffff0000).buffer));
  return { dtype: 'BF16', shape, bytes, values };
}

function int64(values: bigint[]): Made {
  const bytes = Buffer.from(BigInt64Array.from(values).buffer);
  return { dtype: 'I64', shape: [values.length], bytes, values: Float64Array.from(values, Number) };
}

const made: Record<string, Made> = {
  weight: float32([300, 70], 1),
  bf: bfloat16([40, 90], 2),
  'conv.weight': float32([12, 5, 3, 3], 3),
  'experts.w': float32([3, 20, 16], 4),
  bias: float32([33], 5),
  large: float32([300, 300], 6),
  steps: int64([1n, -7n, 2n ** 60n + 1n]),
};

describe('elements of a layer from the engine', () => {
  let folder: string;
  let file: string;
  let engine: EngineProcess;
  let document: string;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-elements-'));
    file = path.join(folder, 'm.safetensors');
    let at = 0;
    const header = Object.fromEntries(
      Object.entries(made).map(([name, { dtype, shape, bytes }]) => {
        const start = at;
        at += bytes.length;
        return [name, { dtype, shape, data_offsets: [start, at] }];
      }),
    );
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeUInt32LE(json.length);
    writeFileSync(file, Buffer.concat([length, json, ...Object.values(made).map(({ bytes }) => bytes)]));
    engine = new EngineProcess({ threads: 1, memoryMegabytes: 500 });
    ({ document } = await engine.request('open', { path: file }));
  });
  after(() => {
    engine.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are those that are stored, with the tensor’s own indices', async () => {
    for (const [layer, name, rows, cols, offset] of [
      ['weight', 'weight', 300, 70, 0],
      ['bf', 'bf', 40, 90, 0],
      ['conv.weight', 'conv.weight', 12, 45, 0],
      ['experts.w[2]', 'experts.w', 20, 16, 2 * 20 * 16],
      ['bias', 'bias', 33, 1, 0],
    ] as const) {
      const { values, shape } = made[name]!;
      const table = await engine.request('elementTable', { document, layer });
      assert.deepEqual([table.rows, table.cols, table.offset], [rows, cols, offset], layer);
      const range = { row: 3, rows: rows - 4, col: Math.min(cols - 1, 2), cols: Math.max(1, cols - 5) };
      const found = await engine.request('elements', { document, layer, range });
      assert.equal(found.values.length, range.rows * range.cols);
      found.values.forEach((value, i) => {
        const [row, col] = [range.row + Math.floor(i / range.cols), range.col + (i % range.cols)];
        assert.equal(value, values[offset + row * cols + col], `${layer} ${row} ${col}`);
        const flat = indicesOf(table, row, col).reduce((sum, index, axis) => sum * shape[axis]! + index, 0);
        assert.equal(flat, offset + row * cols + col);
      });
    }
  });

  it('say that 64-bit integers are rounded, only if they are', async () => {
    const ask = async (row: number): Promise<unknown> =>
      (await engine.request('elements', { document, layer: 'steps', range: { row, rows: 1, col: 0, cols: 1 } }))
        .rounded;
    assert.deepEqual([await ask(1), await ask(2)], [undefined, true]);
  });

  it('beyond the table, none, and too many are refused in words', async () => {
    const ask = (row: number, rows: number, col: number, cols: number): Promise<unknown> =>
      engine.request('elements', { document, layer: 'weight', range: { row, rows, col, cols } });
    await assert.rejects(ask(299, 2, 0, 1), /weight has 300 rows and 70 columns; 2 rows from 299 and 1 columns from 0/);
    await assert.rejects(ask(0, 0, 0, 1), /0 rows from 0/);
    await assert.rejects(ask(0.5, 1, 0, 1), /1 rows from 0\.5/);
    await assert.rejects(ask(-1, 1, 0, 1), /rows from -1/);
    const range = { row: 0, rows: 300, col: 0, cols: 300 };
    await assert.rejects(
      engine.request('elements', { document, layer: 'large', range }),
      /90000 elements were asked for/,
    );
  });

  async function save(layer: string, contents: ArrayContents, name: string): Promise<string> {
    const target = path.join(folder, 'saved', name);
    await engine.request('saveArray', { document, layer, contents, target, settings });
    return target;
  }

  it('become .npy files that NumPy reads as the same numbers', async () => {
    const saved = path.join(folder, 'saved');
    rmSync(saved, { recursive: true, force: true });
    mkdirSync(saved);
    const slice = { row: 10, rows: 7, col: 3, cols: 5 };
    const files = [
      await save('weight', { kind: 'tensor' }, 'weight.npy'),
      await save('weight', { kind: 'slice', range: slice }, 'slice.npy'),
      await save('weight', { kind: 'singular-values' }, 'sigma.npy'),
      await save('bf', { kind: 'tensor' }, 'bf.npy'),
      await save('experts.w[1]', { kind: 'tensor' }, 'expert.npy'),
      await save('conv.weight', { kind: 'tensor' }, 'conv.npy'),
      await save('steps', { kind: 'tensor' }, 'steps.npy'),
    ];
    const bytes = readFileSync(files[0]!);
    assert.ok(bytes.subarray(128).equals(made['weight']!.bytes), 'the stored bytes behind a header of 128');
    assert.deepEqual(
      readdirSync(saved).filter((name) => !name.endsWith('.npy')),
      [],
      'no partial file is left',
    );
    const python = pythonWith('numpy');
    if (python === undefined) {
      console.log('      no Python with numpy (EIGENSCOPE_PYTHON): its reading of the files is not tested');
      return;
    }
    const script = `
import json, sys, numpy as np
out = {}
for f in sys.argv[1:]:
    a = np.load(f)
    out[f.split('/')[-1].split('\\\\')[-1]] = [str(a.dtype), list(a.shape), [str(x) for x in a.ravel().tolist()]]
w = np.load(sys.argv[1]).astype(np.float64)
out['sigma of numpy'] = np.linalg.svd(w, compute_uv=False).tolist()
print(json.dumps(out))`;
    const read = JSON.parse(execFileSync(python, ['-c', script, ...files], { encoding: 'utf8' })) as Record<
      string,
      [string, number[], string[]]
    > & { 'sigma of numpy': number[] };
    const expect = (name: string, type: string, shape: number[], values: Float64Array): void => {
      const [dtype, found, texts] = read[name]!;
      assert.deepEqual([dtype, found], [type, shape], name);
      assert.deepEqual(texts.map(Number), [...values], name);
    };
    const { weight, bf } = made as { weight: Made; bf: Made };
    expect('weight.npy', 'float32', [300, 70], weight.values);
    const rows = Array.from({ length: 7 }, (_, i) => [...weight.values.subarray((10 + i) * 70 + 3, (10 + i) * 70 + 8)]);
    expect('slice.npy', 'float32', [7, 5], Float64Array.from(rows.flat()));
    expect('bf.npy', 'float32', [40, 90], bf.values);
    expect('expert.npy', 'float32', [20, 16], made['experts.w']!.values.subarray(320, 640));
    expect('conv.npy', 'float32', [12, 5, 3, 3], made['conv.weight']!.values);
    assert.deepEqual(read['steps.npy'], ['int64', [3], ['1', '-7', String(2n ** 60n + 1n)]]);
    const sigma = read['sigma.npy']![2].map(Number);
    const peer = read['sigma of numpy'];
    assert.equal(sigma.length, 70);
    sigma.forEach((value, i) =>
      assert.ok(Math.abs(value - peer[i]!) <= 1e-6 * peer[0]!, `σ ${value} and not ${peer[i]!}`),
    );
  });

  it('are never written over the model, nor over what lies beside it', async () => {
    const contents = { kind: 'tensor' } as const;
    const before = readFileSync(file);
    const ask = (target: string): Promise<unknown> =>
      engine.request('saveArray', { document, layer: 'weight', contents, target, settings });
    await assert.rejects(ask(file), /m\.safetensors/);
    assert.ok(readFileSync(file).equals(before));
    const beside = path.join(folder, 'optimizer.npy');
    writeFileSync(beside, 'not ours');
    await assert.rejects(ask(beside), /optimizer\.npy/);
    assert.equal(readFileSync(beside, 'utf8'), 'not ours');
    await assert.rejects(
      engine.request('saveArray', {
        document,
        layer: 'bias',
        contents: { kind: 'singular-values' },
        target: path.join(folder, 'b.npy'),
        settings,
      }),
      /bias has no singular values: /,
    );
    assert.ok(!readdirSync(folder).includes('b.npy'));
  });
});
