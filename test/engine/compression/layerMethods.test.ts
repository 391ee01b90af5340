/**
 * The SVD family on layers of real checkpoints: linear, convolution, embedding, stacks. Reported errors are held to numpy,
 * which multiplies the stored factors out, and each method to svd in its own metric.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { widen } from '../../../extension/checkpoint/elements/dtype';
import { compressMatrix, type StoredLayer } from '../../../extension/compression/compressMatrix';
import type { EngineDocument } from '../../../extension/engine/document/engineDocument';
import { OpenDocuments } from '../../../extension/engine/document/openDocuments';
import { layerRows } from '../../../extension/engine/layer/layerInput';
import { compressChoice } from '../../../extension/engine/requests/compressChoice';
import { choiceMatrix } from '../../../extension/engine/requests/compressLayer';
import { MemoryBudget } from '../../../extension/engine/resources/memoryBudget';
import { WorkerPool } from '../../../extension/engine/worker/workerPool';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import type { MethodName } from '../../../extension/shared/compression/methodTable';
import type { LayerStatistics } from '../../../extension/shared/compression/statistics';
import { randomMatrix } from '../../harness/numbers/denseReference';
import { pythonWith } from '../../harness/python';
import { repositoryRoot, sharedFolder } from '../../harness/shared';

const CHECKPOINTS = [
  'checkpoints/stories260K-llama-derived/model.safetensors',
  'checkpoints/resnet-cifar10/resnet20-12fca82f.th',
  'checkpoints/silero-vad/silero_vad_16k.safetensors',
  'cases/stack3d/transformerlens.pt',
  'cases/stack3d/pyg.pt',
];

/** Layers of a checkpoint, each of a shape of its own, and the largest side of a matrix. */
const LAYERS = 5;
const LARGEST = 520;

/** Relative: reported numbers beside numpy's. */
const TOLERANCE = 1e-5;

/** Beside `eora`, which needs a quantised weight: here one of seven steps, which no checkpoint holds. */
const METHODS: readonly MethodName[] = ['svd', 'fwsvd', 'asvd', 'svd-llm', 'afm'];

/** Errors of every method of one layer by numpy, from the stored factors, W and X: nothing of ours but those. */
const SCRIPT = `
import json, sys, numpy as np
folder = sys.argv[1]
for layer in json.load(open(folder + '/layers.json')):
    def load(name, *shape):
        return np.fromfile(f"{folder}/{layer['id']}.{name}").reshape(shape)
    n, m, t = layer['outputs'], layer['inputs'], layer['tokens']
    w = load('w', n, m); x = load('x', m, t); fisher = load('fisher', n, m); quantised = load('quantised', n, m)
    sigma = np.linalg.svd(w, compute_uv=False)
    mean = x.mean(1, keepdims=True)
    rows = np.sqrt(fisher.sum(1))[:, None]
    columns = np.sqrt(np.abs(x).mean(1))[None, :]
    factor = {'svd-llm': x, 'eora': x, 'afm': x - mean}
    answers = {}
    for name, k in layer['methods'].items():
        kept = load(name + '.left', n, k) @ load(name + '.right', k, m) + (quantised if name == 'eora' else 0)
        d = w - kept
        def metric(y):
            if name == 'fwsvd': return np.linalg.norm(rows * y)
            if name == 'asvd': return np.linalg.norm(y * columns)
            return np.linalg.norm(y @ factor[name]) if name in factor else np.linalg.norm(y)
        bias = load(name + '.bias', n, 1) if name == 'afm' else 0
        start = w - quantised if name == 'eora' else w
        by = {'fwsvd': lambda y: rows * y, 'asvd': lambda y: y * columns}
        a = by[name](start) if name in by else start @ factor[name] if name in factor else start
        tail = np.sqrt((np.linalg.svd(a, compute_uv=False)[k:] ** 2).sum())
        answers[name] = {
            'relative_error': np.linalg.norm(d) / np.linalg.norm(w),
            'metric_error': metric(d) / metric(w),
            'output_error': np.linalg.norm(d @ x - bias) / np.linalg.norm(w @ x),
            'tail': tail / metric(w),
        }
    print(json.dumps({'id': layer['id'], 'methods': answers}))
`;

interface Layer {
  readonly name: string;
  readonly document: EngineDocument;
  readonly outputs: number;
  readonly inputs: number;
  readonly w: Float64Array;
  readonly x: Float64Array;
  readonly tokens: number;
  readonly statistics: LayerStatistics;
  readonly quantised: Float64Array;
  readonly stored: Map<MethodName, StoredLayer>;
}

/** Inputs of uneven sizes with a mean, and what a calibration would write of them. */
function statisticsOf(outputs: number, inputs: number): Pick<Layer, 'x' | 'tokens' | 'statistics'> {
  const tokens = 2 * inputs + 3;
  const x = randomMatrix(inputs, tokens, inputs).map((value, at) => {
    const row = Math.floor(at / tokens);
    return value * (0.2 + (row % 7)) + 0.3 * (row % 3);
  });
  const mean = (f: (value: number) => number): Float64Array =>
    Float64Array.from({ length: inputs }, (_, i) => {
      const own = x.subarray(i * tokens, (i + 1) * tokens);
      return own.reduce((sum, value) => sum + f(value), 0) / tokens;
    });
  const statistics = {
    gram: loadKernels().multiply(x, x, inputs, inputs, tokens, false, true),
    mean: mean((value) => value),
    absMean: mean(Math.abs),
    fisher: randomMatrix(outputs, inputs, 9).map((value, at) => (value * (1 + (Math.floor(at / inputs) % 5))) ** 2),
    tokens,
  };
  return { x, tokens, statistics };
}

describe('the SVD family on layers of real checkpoints', function () {
  this.timeout(180_000);
  const { signal } = new AbortController();
  const documents = new OpenDocuments();
  const pool = new WorkerPool(1, path.join(repositoryRoot, 'dist', 'worker.js'));
  const products = (): Promise<never> => Promise.reject(new Error('not asked for'));
  const tools = { kernels: loadKernels(), poll: () => undefined };
  const parts = { pool, memory: new MemoryBudget(2 ** 30), hardware: { products } };
  let folder: string;
  const layers: Layer[] = [];

  /** The matrix out × in, turned here by its definition. */
  async function matrixOf(document: EngineDocument, name: string): Promise<Float64Array> {
    const { tensor, geometry } = document.layer(name);
    const { rows, cols, inputsFirst } = choiceMatrix(document, name);
    const w = widen(await document.checkpoint.read(tensor, layerRows(tensor, geometry), signal), tensor.dtype);
    if (!inputsFirst) return w;
    return Float64Array.from({ length: w.length }, (_, at) => w[(at % rows) * cols + Math.floor(at / rows)]!);
  }

  async function addLayer(document: EngineDocument, name: string): Promise<void> {
    const { outputs, inputs } = choiceMatrix(document, name);
    const w = await matrixOf(document, name);
    if (w.every((value) => value === 0)) return;
    const known = statisticsOf(outputs, inputs);
    const largest = w.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const quantised = w.map((value) => Math.round((value / largest) * 3) * (largest / 3));
    layers.push({ name, document, outputs, inputs, w, ...known, quantised, stored: new Map() });
  }

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-methods-'));
    if (sharedFolder === undefined) return;
    for (const file of CHECKPOINTS) {
      const document = await documents.open(path.join(sharedFolder, file));
      const shapes = new Set<string>();
      for (const [name, { geometry, tensor }] of document.layers) {
        if (!geometry || tensor.product || shapes.size >= LAYERS) continue;
        const { outputs, inputs, kind } = choiceMatrix(document, name);
        if (Math.min(outputs, inputs) < 4 || Math.max(outputs, inputs) > LARGEST) continue;
        const shape = `${kind} ${outputs} ${inputs}`;
        if (shapes.has(shape)) continue;
        shapes.add(shape);
        await addLayer(document, name);
      }
    }
    for (const layer of layers) {
      const { document, name, statistics, outputs, inputs } = layer;
      const rank = Math.max(1, Math.floor(Math.min(outputs, inputs) / 3));
      for (const method of METHODS) {
        const choice = { method, rank };
        const options = { statistics, dtype: 'F64' } as const;
        layer.stored.set(method, await compressChoice(parts, document, name, choice, options, signal, () => undefined));
      }
      const { w, quantised } = layer;
      const input = { layer: name, w, outputs, inputs, quantised, storedBytes: w.byteLength };
      layer.stored.set('eora', compressMatrix(input, { method: 'eora', rank }, statistics, 'F64', tools));
    }
  });

  after(async () => {
    await pool.terminate();
    for (const { handle } of documents.all()) await documents.close(handle);
    rmSync(folder, { recursive: true, force: true });
  });

  it('has linear layers, convolutions, embeddings and stacks to try', () => {
    if (sharedFolder === undefined) return;
    const kinds = new Set(layers.map(({ document, name }) => choiceMatrix(document, name).kind));
    assert.deepEqual([...kinds].sort(), ['conv', 'expert', 'matrix']);
    assert.ok(layers.some(({ document, name }) => choiceMatrix(document, name).inputsFirst));
    assert.ok(layers.length >= 10, `${layers.length} layers`);
  });

  it('reports what numpy finds: errors of the factors multiplied out, and the tail of σ', () => {
    if (sharedFolder === undefined) return;
    const python = pythonWith('numpy');
    if (python === undefined) {
      console.log('      No Python with numpy (EIGENSCOPE_PYTHON names one): not tried here.');
      return;
    }
    const described = layers.map(({ outputs, inputs, tokens, stored, w, x, statistics, quantised }, index) => {
      const id = String(index);
      const write = (name: string, values: Float64Array) => writeFileSync(path.join(folder, `${id}.${name}`), values);
      for (const [name, values] of Object.entries({ w, x, fisher: statistics.fisher!, quantised })) write(name, values);
      const ranks = [...stored].map(([method, { parts, bias }]) => {
        for (const { field, bytes } of parts[0]!.fields) {
          write(`${method}.${field}`, new Float64Array(bytes.slice().buffer));
        }
        if (bias) write(`${method}.bias`, bias);
        return [method, parts[0]!.values['rank']] as const;
      });
      return { id, outputs, inputs, tokens, methods: Object.fromEntries(ranks) };
    });
    writeFileSync(path.join(folder, 'layers.json'), JSON.stringify(described));
    const { stdout, stderr, status } = spawnSync(python, ['-c', SCRIPT, folder], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; methods: Errors });
    type Errors = Record<string, Record<'relative_error' | 'metric_error' | 'output_error' | 'tail', number>>;
    assert.equal(answers.length, layers.length);
    for (const { id, methods } of answers) {
      const { name, stored } = layers[Number(id)]!;
      for (const [method, { measured }] of stored) {
        const theirs = methods[method]!;
        for (const key of ['relative_error', 'metric_error', 'output_error'] as const) {
          const ours = measured[key]!;
          assert.ok(
            Math.abs(ours - theirs[key]) <= TOLERANCE * theirs[key],
            `${name}, ${method}: ${key} ${ours}, numpy ${theirs[key]}`,
          );
        }
        // The smallest error that there is in its metric.
        const { metric_error: reached } = measured;
        assert.ok(
          Math.abs(reached - theirs.tail) <= TOLERANCE * theirs.tail,
          `${name}, ${method}: ${reached}, σ ${theirs.tail}`,
        );
      }
    }
  });

  it('svd-llm and afm are better than svd on the data, on every layer', () => {
    for (const { name, stored } of layers) {
      const error = (method: MethodName) => stored.get(method)!.measured.output_error!;
      assert.ok(error('svd-llm') < error('svd'), name);
      assert.ok(error('afm') <= error('svd-llm') * (1 + 1e-9), name);
    }
  });
});
