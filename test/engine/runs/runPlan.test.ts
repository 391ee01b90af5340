/** A whole model compressed by a plan into a folder: what is written, and what is refused. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import type { PartsManifest } from '../../../extension/shared/compression/parts';
import type { LayerPlan } from '../../../extension/shared/compression/plans';
import type { RunRequest, RunResult } from '../../../extension/shared/compression/runs';
import { bf16Tensor, floatTensor, planOf, smallTensors, writeSmallModel } from '../../harness/smallModels';
import { runInProcess } from '../../harness/planRuns';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { parseSafetensors, type ParsedTensor } from '../../unit/compression/savingFixture';

const UP = 'model.layers.0.mlp.up_proj.weight';
const Q = 'model.layers.0.self_attn.q_proj.weight';
const CONV = 'model.conv.weight';
const EXPERTS = 'model.layers.0.experts.gate_proj.weight';

const PLAN: Record<string, LayerPlan> = {
  [Q]: { method: 'svd', rank: 12 },
  [UP]: { method: 'svd', rank: 20 },
  'model.layers.0.mlp.down_proj.weight': { keep: 'dense', why: 'by hand' },
  [`${EXPERTS}[1]`]: { method: 'svd', rank: 5 },
  [CONV]: { method: 'svd', rank: 4 },
};

describe('running a plan', () => {
  const folder = temporaryFolder();
  const model = writeSmallModel(path.join(folder, 'model'));
  const source = parseSafetensors(path.join(model, 'model.safetensors'));
  let count = 0;

  const newTarget = (): string => path.join(folder, `out-${count++}`);

  function run(request: Partial<RunRequest>, from = model, onSaving?: (fraction: number) => void): Promise<RunResult> {
    const whole = { plan: planOf(PLAN), layout: 'safetensors', target: newTarget(), ...request } as const;
    return runInProcess(from, whole, onSaving);
  }

  it('saves parts with a manifest, and everything else byte for byte, in the order it had', async () => {
    const { path: out, files, layers, bytes } = await run({});
    assert.deepEqual(files.toSorted(), ['config.json', 'model.safetensors', 'tokenizer.json']);
    assert.deepEqual(readdirSync(out).sort(), files.toSorted());
    for (const name of ['config.json', 'tokenizer.json']) {
      assert.deepEqual(readFileSync(path.join(out, name)), readFileSync(path.join(model, name)));
    }
    const saved = parseSafetensors(path.join(out, 'model.safetensors'));
    assert.deepEqual(saved.names, [
      'model.embed_tokens.weight',
      ...[`${Q}.product0.left`, `${Q}.product0.right`, 'model.layers.0.self_attn.q_proj.bias'],
      ...[`${UP}.product0.left`, `${UP}.product0.right`, 'model.layers.0.mlp.down_proj.weight'],
      ...[`${EXPERTS}[1].product0.left`, `${EXPERTS}[1].product0.right`, `${EXPERTS}[0]`, `${EXPERTS}[2]`],
      ...['model.layers.0.input_layernorm.weight', `${CONV}.product0.left`, `${CONV}.product0.right`],
      ...['model.position_ids', 'lm_head.weight'],
    ]);
    for (const [name, { dtype, shape, bytes: elements }] of saved.tensors) {
      const original = source.tensors.get(name);
      if (original) assert.deepEqual([dtype, shape, elements], [original.dtype, original.shape, original.bytes], name);
    }
    const stack = source.tensors.get(EXPERTS)!.bytes;
    for (const index of [0, 2]) {
      const kept = saved.tensors.get(`${EXPERTS}[${index}]`)!;
      assert.deepEqual([kept.dtype, kept.shape], ['BF16', [32, 48]]);
      assert.deepEqual(kept.bytes, stack.subarray(index * 3072, (index + 1) * 3072));
    }
    const manifest = JSON.parse(saved.metadata['eigenscope.parts']!) as PartsManifest;
    assert.deepEqual(Object.keys(manifest.weights), [Q, UP, `${EXPERTS}[1]`, CONV]);
    assert.deepEqual(manifest.weights[CONV]!.shape, [12, 6, 3, 3]);
    for (const { layer, relative_error } of layers) {
      const { parts } = manifest.weights[layer]!;
      const { left, right } = parts[0]!.tensors;
      const product = multiplied(saved.tensors.get(left!)!, saved.tensors.get(right!)!);
      closeTo(relative_error, distance(originalOf(layer), product), layer);
      assert.ok(relative_error > 0.01, 'an error of nothing tests nothing');
    }
    assert.equal(
      bytes.after,
      files.reduce((sum, name) => sum + statSync(path.join(out, name)).size, 0),
    );
    assert.ok(!existsSync(`${out}.partial`));
  });

  it('saves dense weights under their own names and shapes; an expert in its stack', async () => {
    const { path: out, layers, notes } = await run({ layout: 'dense' });
    const saved = parseSafetensors(path.join(out, 'model.safetensors'));
    assert.deepEqual(saved.names, source.names);
    for (const { layer, relative_error, bytes } of layers) {
      assert.equal(bytes.after, bytes.before);
      closeTo(relative_error, distance(originalOf(layer), elementsOf(layer, saved.tensors)), layer);
    }
    const compressed = new Set([Q, UP, CONV, EXPERTS]);
    for (const [name, { dtype, shape, bytes }] of saved.tensors) {
      const original = source.tensors.get(name)!;
      assert.deepEqual([dtype, shape], [original.dtype, original.shape]);
      if (!compressed.has(name)) assert.deepEqual(bytes, original.bytes, name);
    }
    assert.ok(notes.some((note) => /saves nothing before it is quantised/.test(note)));
  });

  it('splits into shards that hold everything once, with an index', async () => {
    const large = floatTensor('large.weight', [700, 700], 3);
    const big = writeSmallModel(path.join(folder, 'big'), [...smallTensors(), large, bf16Tensor('last', [600_000], 4)]);
    const { path: out, files } = await run({ shardBytes: 1e6 }, big);
    const shards = files.filter((name) => name.endsWith('.safetensors'));
    assert.ok(shards.length >= 3);
    assert.deepEqual(
      shards,
      shards.map((_, index) => shardName(index + 1, shards.length)),
    );
    const index = JSON.parse(readFileSync(path.join(out, 'model.safetensors.index.json'), 'utf8')) as {
      metadata: { total_size: number };
      weight_map: Record<string, string>;
    };
    const found = new Map<string, string>();
    let total = 0;
    for (const shard of shards) {
      const { tensors, metadata } = parseSafetensors(path.join(out, shard));
      assert.ok(metadata['eigenscope.parts'], 'every shard has the manifest');
      let size = 0;
      for (const [name, { bytes }] of tensors) {
        assert.ok(!found.has(name));
        found.set(name, shard);
        size += bytes.length;
      }
      assert.ok(size <= 1e6 || tensors.size === 1, `${shard} has ${size} bytes`);
      total += size;
    }
    assert.deepEqual(Object.fromEntries(found), index.weight_map);
    assert.equal(index.metadata.total_size, total);
  });

  it('rounds new tensors to the type that was chosen, and no others', async () => {
    const { path: out, layers } = await run({ dtype: 'F32' });
    const { tensors } = parseSafetensors(path.join(out, 'model.safetensors'));
    assert.equal(tensors.get(`${UP}.product0.left`)!.dtype, 'F32');
    assert.equal(tensors.get('model.embed_tokens.weight')!.dtype, 'BF16');
    const up = layers.find(({ layer }) => layer === UP)!;
    const product = multiplied(tensors.get(`${UP}.product0.left`)!, tensors.get(`${UP}.product0.right`)!);
    closeTo(up.relative_error, distance(originalOf(UP), product), UP);
  });

  it('tells of numbers beyond the range of the type that was chosen', async () => {
    const large = floatTensor(UP, [160, 64], 4);
    const values = new Float32Array(large.bytes.buffer);
    for (const place of [0, 65, 1000]) values[place] = 3e5;
    const from = writeSmallModel(path.join(folder, 'large'), [
      ...smallTensors().filter(({ name }) => name !== UP),
      large,
    ]);
    const plan = planOf({ [UP]: { method: 'svd', rank: 64 } });
    const { notes, layers } = await run({ plan, dtype: 'F16', layout: 'dense' }, from);
    assert.equal(layers[0]!.saturated, 3);
    assert.equal(
      notes[0],
      `3 numbers are beyond the range of F16, and stored as its largest: ${UP}. ` +
        'Choose a type with the range of float32 (BF16 or F32) to keep them.',
    );
    assert.ok((await run({ plan, dtype: 'BF16', layout: 'dense' }, from)).notes.every((note) => !/range/.test(note)));
  });

  it('gives the same bytes again, and after a stop and a resume', async () => {
    const [first, second] = [await run({}), await run({})];
    assert.deepEqual(contentOf(second.path), contentOf(first.path));
    for (const stopAt of [0.2, 0.6, 0.95]) {
      const target = newTarget();
      await assert.rejects(
        run({ target }, model, (fraction) => {
          if (fraction >= stopAt) throw new Error('stopped by the test');
        }),
        /stopped by the test/,
      );
      assert.ok(!existsSync(target), 'there is no target');
      assert.ok(existsSync(`${target}.partial`));
      await assert.rejects(run({ target }), /out-\d+\.partial: holds an earlier run .*--resume.*--restart/);
      const resumed = await run({ target, existing: 'resume' });
      assert.deepEqual(contentOf(target), contentOf(first.path));
      assert.deepEqual(resumed.layers, first.layers, 'errors are remembered');
      assert.ok(!existsSync(`${target}.partial`));
    }
  });

  it('goes on with nothing but the same plan, source and options, unless it is to start anew', async () => {
    const changing = writeSmallModel(path.join(folder, 'changing'));
    const target = newTarget();
    const stop = (fraction: number): void => {
      if (fraction >= 0.5) throw new Error('stopped by the test');
    };
    await assert.rejects(run({ target }, changing, stop), /stopped by the test/);
    const other = { ...PLAN, [Q]: { method: 'svd', rank: 13 } } as const;
    const resume = { target, existing: 'resume' } as const;
    const refused = (what: RegExp): object => ({ code: 'target-exists', message: what });
    await assert.rejects(
      run({ ...resume, plan: planOf(other) }, changing),
      refused(/differs in the plan: .*--restart/),
    );
    await assert.rejects(run({ ...resume, layout: 'dense' }, changing), refused(/differs in the layout/));
    await assert.rejects(
      run({ ...resume, dtype: 'F32', shardBytes: 2e6 }, changing),
      refused(/differs in the type and the size of shards/),
    );
    writeSmallModel(changing, [...smallTensors().slice(0, -1), floatTensor('lm_head.weight', [400, 64], 10)]);
    utimesSync(path.join(changing, 'model.safetensors'), 1, 1);
    await assert.rejects(run(resume, changing), refused(/differs in the plan and the model’s files/));
    const { path: out } = await run({ target, existing: 'restart' }, changing);
    assert.deepEqual(contentOf(out), contentOf((await run({}, changing)).path));
  });

  it('stops where the source changes meanwhile', async () => {
    const changing = writeSmallModel(path.join(folder, 'overwritten'));
    const target = newTarget();
    const change = (): void => appendFileSync(path.join(changing, 'model.safetensors'), 'x');
    await assert.rejects(run({ target }, changing, change), /changed on disk while it was open/);
    assert.ok(!existsSync(target));
  });

  describe('tied weights', () => {
    const copy = { ...smallTensors()[0]!, name: 'lm_head.weight' };
    const tied = writeSmallModel(path.join(folder, 'tied'), [...smallTensors().slice(0, -1), copy], {
      tie_word_embeddings: true,
    });
    const EMBED = 'model.embed_tokens.weight';

    it('are compressed once, and stay the same', async () => {
      const plan = planOf({ [EMBED]: { method: 'svd', rank: 9 }, 'lm_head.weight': { keep: 'dense', why: 'tied' } });
      const dense = await run({ plan, layout: 'dense' }, tied);
      const { tensors } = parseSafetensors(path.join(dense.path, 'model.safetensors'));
      assert.deepEqual(tensors.get('lm_head.weight')!.bytes, tensors.get(EMBED)!.bytes);
      assert.notDeepEqual(tensors.get(EMBED)!.bytes, Buffer.from(copy.bytes));
      assert.equal(dense.layers.length, 1);
      assert.ok(dense.notes.some((note) => /tied weights\): compressed once/.test(note)));
      const parts = await run({ plan }, tied);
      const saved = parseSafetensors(path.join(parts.path, 'model.safetensors'));
      const { weights } = JSON.parse(saved.metadata['eigenscope.parts']!) as PartsManifest;
      assert.deepEqual(weights['lm_head.weight'], weights[EMBED]);
      assert.ok(!saved.tensors.has('lm_head.weight'));
    });

    it('are compressed once, too, if nothing but their numbers says that they are one', async () => {
      const silent = writeSmallModel(path.join(folder, 'silent'), [...smallTensors().slice(0, -1), copy]);
      const plan = planOf({ [EMBED]: { method: 'svd', rank: 9 }, 'lm_head.weight': { keep: 'dense', why: 'equal' } });
      const dense = await run({ plan, layout: 'dense' }, silent);
      const { tensors } = parseSafetensors(path.join(dense.path, 'model.safetensors'));
      assert.deepEqual(tensors.get('lm_head.weight')!.bytes, tensors.get(EMBED)!.bytes);
      assert.notDeepEqual(tensors.get(EMBED)!.bytes, Buffer.from(copy.bytes));
      const untied = writeSmallModel(path.join(folder, 'untied'), [...smallTensors().slice(0, -1), copy], {
        tie_word_embeddings: false,
      });
      const apart = await run({ plan, layout: 'dense' }, untied);
      const { tensors: two } = parseSafetensors(path.join(apart.path, 'model.safetensors'));
      assert.deepEqual(two.get('lm_head.weight')!.bytes, Buffer.from(copy.bytes));
    });

    it('are not made different ones', async () => {
      const plan = planOf({ [EMBED]: { method: 'svd', rank: 9 }, 'lm_head.weight': { method: 'svd', rank: 8 } });
      await assert.rejects(
        run({ plan }, tied),
        /same numbers as .* \(tied weights\), for which the plan says something else/,
      );
    });
  });

  function originalOf(layer: string): Float64Array {
    return elementsOf(layer, source.tensors);
  }

  function elementsOf(layer: string, tensors: ReadonlyMap<string, ParsedTensor>): Float64Array {
    const [, name, expert] = /^(.*?)(?:\[(\d+)\])?$/.exec(layer)!;
    const tensor = tensors.get(name!)!;
    const all = decoded(tensor);
    if (expert === undefined) return all;
    const each = all.length / tensor.shape[0]!;
    return all.subarray(Number(expert) * each, (Number(expert) + 1) * each);
  }
});

function shardName(index: number, of: number): string {
  return `model-${String(index).padStart(5, '0')}-of-${String(of).padStart(5, '0')}.safetensors`;
}

function contentOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(path.join(folder, name)).toString('base64')]));
}

/** From the formats' own descriptions. */
function decoded({ dtype, bytes }: ParsedTensor): Float64Array {
  const copy = Uint8Array.from(bytes).buffer;
  if (dtype === 'F32') return Float64Array.from(new Float32Array(copy));
  assert.equal(dtype, 'BF16');
  const words = Uint32Array.from(new Uint16Array(copy), (half) => half << 16);
  return Float64Array.from(new Float32Array(words.buffer));
}

function multiplied(left: ParsedTensor, right: ParsedTensor): Float64Array {
  const [a, b] = [decoded(left), decoded(right)];
  const [rows, inner] = left.shape as [number, number];
  const cols = right.shape[1]!;
  const product = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      for (let j = 0; j < cols; j++) product[i * cols + j]! += a[i * inner + k]! * b[k * cols + j]!;
    }
  }
  return product;
}

/** ‖a − b‖/‖a‖ */
function distance(a: Float64Array, b: Float64Array): number {
  assert.equal(a.length, b.length);
  let [squared, whole] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    squared += (a[i]! - b[i]!) ** 2;
    whole += a[i]! ** 2;
  }
  return Math.sqrt(squared / whole);
}

function closeTo(reported: number, measured: number, layer: string): void {
  assert.ok(Math.abs(reported - measured) <= 1e-5 * measured, `${layer}: ${reported} reported, ${measured} measured`);
}
