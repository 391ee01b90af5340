/** Adapters for a GGUF file: names and rows of llama.cpp's are matched with those of Hugging Face's models. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../extension/checkpoint/openModel';
import { widen } from '../../../extension/checkpoint/elements/dtype';
import { OpenDocuments } from '../../../extension/engine/document/openDocuments';
import { useQuantised } from '../../../extension/engine/requests/useQuantised';
import type { LayerPlan } from '../../../extension/shared/compression/plans';
import type { RunResult } from '../../../extension/shared/compression/runs';
import { safetensorsBytes, type FixtureTensor } from '../../harness/checkpoints/safetensorsFixtures';
import { runInProcess } from '../../harness/planRuns';
import { pythonWith } from '../../harness/python';
import { repositoryRoot, sharedFolder } from '../../harness/shared';
import { planOf } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { parseSafetensors } from '../../unit/compression/savingFixture';

const PEER = path.join(repositoryRoot, 'test', 'engine', 'runs', 'eoraPeer.py');
const [WIDTH, HEADS, KEY_HEADS] = [64, 8, 4];

interface Matrix {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

function inF32(name: string, shape: readonly number[], values: Float64Array): FixtureTensor {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  return { name, dtype: 'F32', shape: [...shape], bytes };
}

/** By the definition: [head, pair, half] as [head, half, pair]. */
function halves({ shape, values }: Matrix, heads: number): Float64Array {
  const [rows, cols] = shape as [number, number];
  const size = rows / heads;
  const result = new Float64Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let pair = 0; pair < size / 2; pair++) {
      for (const half of [0, 1]) {
        const [from, to] = [head * size + 2 * pair + half, head * size + (half * size) / 2 + pair];
        result.set(values.subarray(from * cols, (from + 1) * cols), to * cols);
      }
    }
  }
  return result;
}

function inTheirOrder(matrix: Matrix): Float64Array {
  if (/q_proj|attn_q\./.test(matrix.name)) return halves(matrix, HEADS);
  return /k_proj|attn_k\./.test(matrix.name) ? halves(matrix, KEY_HEADS) : matrix.values;
}

async function matricesOf(file: string): Promise<Matrix[]> {
  const checkpoint = await openModel(file);
  try {
    const found: Matrix[] = [];
    for (const tensor of checkpoint.tensors) {
      const { name, shape, dtype } = tensor;
      found.push({ name, shape, values: widen(await checkpoint.read(tensor), dtype) });
    }
    return found;
  } finally {
    await checkpoint.close();
  }
}

describe('eora over a GGUF file', function () {
  this.timeout(300_000);
  if (sharedFolder === undefined) {
    console.log('  ../shared is not there: adapters for a GGUF file are not tried here.');
    return;
  }
  const derived = path.join(sharedFolder, 'checkpoints', 'stories260K-llama-derived');
  const quantised = path.join(derived, 'stories260K-Q8_0.gguf');
  const folder = temporaryFolder();
  const statistics = path.join(folder, 'statistics.safetensors');
  const layer = (module: string): string => `model.layers.0.${module}.weight`;
  const modules = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'mlp.gate_proj'];
  let count = 0;

  const model = (name: string, matrices: readonly Matrix[], inOrder: boolean): string => {
    const place = path.join(folder, name);
    mkdirSync(place);
    copyFileSync(path.join(derived, 'config.json'), path.join(place, 'config.json'));
    const tensors = matrices.map((each) => inF32(each.name, each.shape, inOrder ? inTheirOrder(each) : each.values));
    writeFileSync(path.join(place, 'model.safetensors'), safetensorsBytes(tensors));
    return place;
  };
  const run = (from: string, rank: number, base = quantised, names = modules): Promise<RunResult> => {
    const layers = Object.fromEntries(
      names.map((module): [string, LayerPlan] => {
        const most = module.endsWith('k_proj') || module.endsWith('v_proj') ? 32 : 64;
        return [layer(module), { method: 'eora', rank: Math.min(rank, most) }];
      }),
    );
    const target = path.join(folder, `out-${count++}`);
    return runInProcess(from, { plan: planOf(layers), layout: 'peft', target, statistics, quantised: base });
  };
  let stored: Matrix[];
  let dense: string;
  before(async () => {
    // The reference checkpoint has the rows as the GGUF file has them, not as Llama models of transformers do.
    stored = await matricesOf(path.join(derived, 'model.safetensors'));
    dense = model('dense', stored, true);
    const grams = modules.map((module, at) => {
      const gram = new Float64Array(WIDTH * WIDTH);
      for (let i = 0; i < WIDTH; i++) gram[i * WIDTH + i] = 1 + ((7 * i + at) % 5);
      return inF32(`model.layers.0.${module}.input_gram`, [WIDTH, WIDTH], gram);
    });
    writeFileSync(statistics, safetensorsBytes(grams));
  });

  it('adds up with the decoded weights, in the order of transformers, to the dense weights', async () => {
    const { path: out, layers } = await run(dense, WIDTH);
    const { tensors } = parseSafetensors(path.join(out, 'adapter_model.safetensors'));
    const decoded = await matricesOf(quantised);
    for (const [module, theirs] of [
      ['q_proj', 'attn_q'],
      ['k_proj', 'attn_k'],
      ['v_proj', 'attn_v'],
    ] as const) {
      const factor = (which: 'A' | 'B'): { shape: number[]; values: Float64Array } => {
        const { shape, bytes } = tensors.get(
          `base_model.model.model.layers.0.self_attn.${module}.lora_${which}.weight`,
        )!;
        return { shape: [...shape], values: widen(bytes, 'F32') };
      };
      const [a, b] = [factor('A'), factor('B')];
      const base = inTheirOrder(decoded.find(({ name }) => name === `blk.0.${theirs}.weight`)!);
      const original = stored.find(({ name }) => name === layer(`self_attn.${module}`))!;
      const wanted = inTheirOrder(original);
      const rank = a.shape[0]!;
      const [rows] = b.shape as [number];
      let [lost, farthest] = [0, 0];
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < WIDTH; j++) {
          let sum = base[i * WIDTH + j]!;
          for (let k = 0; k < rank; k++) sum += b.values[i * rank + k]! * a.values[k * WIDTH + j]!;
          farthest = Math.max(farthest, Math.abs(sum - wanted[i * WIDTH + j]!));
          lost = Math.max(lost, Math.abs(base[i * WIDTH + j]! - wanted[i * WIDTH + j]!));
        }
      }
      assert.ok(farthest < 1e-6, `${module}: ${farthest}`);
      // 8 bits lose little, and something.
      assert.ok(lost > 1e-4 && lost < 0.02, `${module}: ${lost}`);
    }
    assert.ok(layers.every(({ relative_error }) => relative_error < 1e-6));
    const config = JSON.parse(readFileSync(path.join(out, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
    assert.equal(config['base_model_name_or_path'], quantised);
  });

  it('is refused if the model has the rows as the GGUF file has them', async () => {
    await assert.rejects(
      run(model('as-in-gguf', stored, false), 4),
      /q_proj\.weight: its rows lie as those of blk\.0\.attn_q/,
    );
  });

  it('is refused for a file without the weight', async () => {
    const other = path.join(folder, 'other.safetensors');
    writeFileSync(other, safetensorsBytes([inF32('other.weight', [2, 2], new Float64Array(4))]));
    await assert.rejects(
      run(dense, 4, other),
      /in the quantised checkpoint .*other\.safetensors it is not there; give/,
    );
  });

  it('says why a dense GGUF file is no base for a quantised checkpoint of Hugging Face', async () => {
    const name = layer('self_attn.q_proj');
    const codes = { name, dtype: 'F8_E4M3', shape: [WIDTH, WIDTH], bytes: new Uint8Array(WIDTH ** 2).fill(56) };
    const base = path.join(folder, 'fp8.safetensors');
    writeFileSync(base, safetensorsBytes([codes, inF32(`${name}_scale`, [1], Float64Array.of(1))]));
    const documents = new OpenDocuments();
    try {
      const { signal } = new AbortController();
      const gguf = await documents.open(path.join(sharedFolder!, 'checkpoints/stories260K-llama/stories260K.gguf'));
      await assert.rejects(
        useQuantised({ documents }, gguf, base, signal),
        /blk\.0\.attn_q\.weight is model\.layers\.0\.self_attn\.q_proj\.weight there, .*; open the dense model in the format/,
      );
    } finally {
      await documents.closeAll();
    }
  });

  it('does in PEFT, over what transformers reads of the GGUF file, what it says', async () => {
    const python = pythonWith('torch', 'transformers', 'peft', 'gguf', 'safetensors');
    if (python === undefined) {
      console.log(
        '      No Python with torch, transformers, peft and gguf (EIGENSCOPE_PYTHON names one): not tried here.',
      );
      return;
    }
    const [whole, few] = [await run(dense, WIDTH), await run(dense, 6)];
    const { status, stdout, stderr } = spawnSync(python, [PEER, dense, quantised, whole.path, few.path], {
      encoding: 'utf8',
      env: { ...process.env, HF_HUB_OFFLINE: '1', HF_HOME: path.join(folder, 'home') },
    });
    assert.equal(status, 0, stderr);
    const told = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
      from_sum: number;
      whole_from_dense: number;
      base_from_dense: number;
      few_from_base: number;
    };
    assert.ok(told.from_sum < 1e-5, stdout);
    // At full rank nothing is lost of the weights that have an adapter: rows in another order would show.
    assert.ok(told.whole_from_dense < 1e-5, stdout);
    assert.ok(told.base_from_dense > 1e-4 && told.few_from_base > 1e-4, stdout);
  });
});
