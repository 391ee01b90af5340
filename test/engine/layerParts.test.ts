/** Parts of layers in the terminal: their numbers against those of matrices made to have known singular values. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { InspectReport } from '../../extension/shared/inspectReport';
import type { LayerResult } from '../../extension/shared/layers';
import * as onnx from '../harness/checkpoints/onnxWriter';
import { commandLine } from '../harness/commandLine';
import { safetensorsBytes, type FixtureTensor } from '../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../harness/temporaryFolder';

const HIDDEN = 24;

type Element = (row: number, col: number) => number;

/** λ: 9, 24 times. */
const triple: Element = (row, col) => (row === (col + 5) % HIDDEN ? 3 : 0);
/** λ: 1, 4, 9, …, 576. */
const graded: Element = (row, col) => (row === col ? row + 1 : 0);
/** λ: 576 alone. */
const ones: Element = () => 1;
const zero: Element = () => 0;

function made(name: string, shape: number[], element: (...at: number[]) => number): FixtureTensor {
  const width = shape.at(-1)!;
  const height = shape.at(-2)!;
  const values = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) =>
    element(Math.floor(i / width / height), Math.floor(i / width) % height, i % width),
  );
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) };
}

const thirds = [triple, graded, ones];

const TENSORS: readonly FixtureTensor[] = [
  // GPT-2: in × out, q, k and v side by side.
  made('h.0.attn.c_attn.weight', [HIDDEN, 3 * HIDDEN], (_, row, col) =>
    thirds[Math.floor(col / HIDDEN)]!(row, col % HIDDEN),
  ),
  // Four heads of six rows whose elements are 1, 2, 3 and 4 on a diagonal.
  made('h.0.attn.q_proj.weight', [HIDDEN, HIDDEN], (_, row, col) => (row === col ? 1 + Math.floor(row / 6) : 0)),
  made('h.0.attn.o_proj.weight', [HIDDEN, HIDDEN], (_, row, col) => (row === col ? 1 + Math.floor(col / 6) : 0)),
  made('lstm.weight_hh_l0', [4 * HIDDEN, HIDDEN], (_, row, col) =>
    [triple, graded, ones, zero][Math.floor(row / HIDDEN)]!(row % HIDDEN, col),
  ),
  // Experts, out × in, gate above up; of expert e everything is e + 1 times as large.
  made('mlp.experts.gate_up_proj', [2, 2 * (HIDDEN + 6), HIDDEN], (expert, row, col) =>
    row < HIDDEN + 6 ? (expert + 1) * (row < HIDDEN ? graded(row, col) : 0) : ones(row, col),
  ),
];

describe('parts of layers', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const model = path.join(folder, 'model', 'model.safetensors');
  const configure = (config: Record<string, unknown>): void =>
    writeFileSync(path.join(folder, 'model', 'config.json'), JSON.stringify(config));
  const CONFIG = { model_type: 'mixtral', hidden_size: HIDDEN, num_attention_heads: 4 };

  before(() => {
    mkdirSync(path.dirname(model));
    writeFileSync(model, safetensorsBytes(TENSORS));
    configure(CONFIG);
  });

  function inspected(...args: string[]): Map<string, LayerResult> {
    const { status, stdout, stderr } = run('inspect', model, '--json', '--no-farms', ...args);
    assert.equal(status, 0, stderr);
    return new Map((JSON.parse(stdout) as InspectReport).layers.map((layer) => [layer.name, layer]));
  }

  const close = (found: number | null | undefined, expected: number, what: string, within = 1e-9): void =>
    assert.ok(Math.abs(found! - expected) <= within * Math.max(1, expected), `${what}: ${found} for ${expected}`);

  /** Σλ, λ₁ and Σσ of a part. */
  function hasSpectrum(layer: LayerResult | undefined, norm: number, largest: number, nuclear: number): void {
    assert.ok(layer);
    close(layer.metrics.norm, norm, `${layer.name}: norm`);
    close(layer.metrics.spectral_norm, largest, `${layer.name}: spectral_norm`);
    // A Gram matrix in float64 leaves some 1e-8·σ₁ of σ = 0.
    close(layer.metrics.nuclear_norm, nuclear, `${layer.name}: nuclear_norm`, 1e-6);
  }

  const SQUARES = 4900; // 1 + 4 + … + 576
  const SUM = 300;

  it('q, k and v of a fused projection have spectra of their own', () => {
    const layers = inspected('--layers', '*c_attn.weight[?]');
    assert.deepEqual(
      [...layers.keys()],
      ['q', 'k', 'v'].map((part) => `h.0.attn.c_attn.weight[${part}]`),
    );
    const [q, k, v] = [...layers.values()] as [LayerResult, LayerResult, LayerResult];
    hasSpectrum(q, 9 * HIDDEN, 9, 3 * HIDDEN);
    hasSpectrum(k, SQUARES, 576, SUM);
    hasSpectrum(v, 576, 576, 24);
    assert.deepEqual([q.tensor, q.partOf, q.shape], [TENSORS[0]!.name, TENSORS[0]!.name, [HIDDEN, HIDDEN]]);
    assert.equal(k.statistics!.max, 24);
    assert.equal(k.ranks['energy_0.95']!.rank, 16);
    assert.equal(v.metrics.matrix_rank, 1);
  });

  it('heads: rows of q, columns of o', () => {
    const layers = inspected('--layers', '*[qo]_proj.weight', '--split', 'heads');
    assert.equal(layers.size, 8);
    for (const projection of ['q', 'o']) {
      for (const head of [0, 1, 2, 3]) {
        const layer = layers.get(`h.0.attn.${projection}_proj.weight[head${head}]`);
        hasSpectrum(layer, 6 * (head + 1) ** 2, (head + 1) ** 2, 6 * (head + 1));
        assert.deepEqual(layer!.shape, projection === 'q' ? [6, HIDDEN] : [HIDDEN, 6]);
      }
    }
    const fused = inspected('--layers', '*c_attn.weight[k.head3]').get('h.0.attn.c_attn.weight[k.head3]');
    hasSpectrum(fused, 19 ** 2 + 20 ** 2 + 21 ** 2 + 22 ** 2 + 23 ** 2 + 24 ** 2, 576, 129);
  });

  it('gates of an LSTM', () => {
    const layers = inspected('--layers', 'lstm.weight_hh_l0', '--split', 'fused');
    const [i, f, g, o] = ['i', 'f', 'g', 'o'].map((gate) => layers.get(`lstm.weight_hh_l0[${gate}]`));
    hasSpectrum(i, 9 * HIDDEN, 9, 3 * HIDDEN);
    hasSpectrum(f, SQUARES, 576, SUM);
    hasSpectrum(g, 576, 576, 24);
    assert.equal(o!.metrics.matrix_rank, 0);
  });

  it('gate and up of one expert', () => {
    const layers = inspected('--layers', 'mlp.experts.gate_up_proj[1.*]');
    const [gate, up] = [...layers.values()];
    hasSpectrum(gate, 4 * SQUARES, 4 * 576, 2 * SUM);
    hasSpectrum(up, 30 * 24, 30 * 24, Math.sqrt(720));
    assert.deepEqual([gate!.name, gate!.partOf], ['mlp.experts.gate_up_proj[1.gate]', 'mlp.experts.gate_up_proj[1]']);
  });

  it('gates of an LSTM in ONNX, of each direction', () => {
    const [input, hidden, directions] = [HIDDEN, HIDDEN, 2];
    // i, o, f, c below one another; the second direction twice as large.
    const W = made('W', [directions, 4 * hidden, input], (direction, row, col) => {
      const gate = [triple, ones, graded, zero][Math.floor(row / hidden)]!;
      return (direction + 1) * gate(row % hidden, col);
    });
    const file = path.join(folder, 'lstm.onnx');
    const lstm = onnx.node('LSTM', { inputs: ['X', 'W', 'R'], output: 'Y' });
    const weight = onnx.tensor('W', W.shape, onnx.TYPE.FLOAT, onnx.bytesField(9, W.bytes));
    writeFileSync(file, onnx.model(onnx.graph({ nodes: [lstm], initializers: [weight] })));
    const { status, stdout, stderr } = run('inspect', file, '--json', '--no-farms', '--split', 'fused');
    assert.equal(status, 0, stderr);
    const { layers } = JSON.parse(stdout) as InspectReport;
    assert.deepEqual(
      layers.map(({ name }) => name),
      [0, 1].flatMap((direction) => ['i', 'o', 'f', 'c'].map((gate) => `W[${direction}.${gate}]`)),
    );
    hasSpectrum(layers[0], 9 * HIDDEN, 9, 3 * HIDDEN);
    hasSpectrum(layers[6], 4 * SQUARES, 4 * 576, 2 * SUM);
  });

  it('whole layers stay what is shown, unless parts are asked for', () => {
    const whole = [...inspected().keys()];
    const names = TENSORS.slice(0, 4).map(({ name }) => name);
    const experts = ['mlp.experts.gate_up_proj[0]', 'mlp.experts.gate_up_proj[1]'];
    assert.deepEqual(whole, [...names, ...experts]);
    const split = [...inspected('--split', 'fused').keys()];
    assert.deepEqual(split, [
      ...['q', 'k', 'v'].map((part) => `${names[0]!}[${part}]`),
      ...names.slice(1, 3),
      ...['i', 'f', 'g', 'o'].map((part) => `${names[3]!}[${part}]`),
      ...[0, 1].flatMap((e) => ['gate', 'up'].map((part) => `mlp.experts.gate_up_proj[${e}.${part}]`)),
    ]);
  });

  it('lists what parts there are', () => {
    const { tensors } = JSON.parse(run('tensors', model, '--json').stdout) as { tensors: { parts?: string[] }[] };
    const gates = ['i', 'f', 'g', 'o'].map((gate) => `lstm.weight_hh_l0[${gate}]`);
    assert.deepEqual(tensors[3]!.parts, gates);
    assert.equal(tensors[4]!.parts!.length, 4);
    assert.match(
      run('tensors', model).stdout,
      /c_attn\.weight +24×72 +F32 +q \(4 heads\), k \(4 heads\), v \(4 heads\)\n/,
    );
  });

  it('a configuration that changed is heard, whatever is cached', () => {
    const name = 'h.0.attn.q_proj.weight[head1]';
    assert.deepEqual(inspected('--layers', name).get(name)!.shape, [6, HIDDEN]);
    configure({ ...CONFIG, num_attention_heads: 2 });
    const changed = inspected('--layers', name).get(name)!;
    configure(CONFIG);
    assert.deepEqual(changed.shape, [12, HIDDEN]);
    hasSpectrum(changed, 6 * 9 + 6 * 16, 16, 6 * 3 + 6 * 4);
  });

  it('has singular vectors, and is not saved compressed in place of its tensor', () => {
    const out = path.join(folder, 'out.safetensors');
    const layer = 'h.0.attn.c_attn.weight[k]';
    const vectors = run('vectors', model, '--layer', layer, '--rank', '2', '--out', out);
    assert.equal(vectors.status, 0, vectors.stderr);
    assert.match(vectors.stdout, /2 singular vectors of 24 × 24/);
    const compressed = run(
      'compress',
      model,
      '--layer',
      layer,
      '--rank',
      '2',
      '--out',
      path.join(folder, 'c.safetensors'),
    );
    assert.equal(compressed.status, 2);
    assert.match(compressed.stderr, /is a part of h\.0\.attn\.c_attn\.weight/);
  });

  it('refuses parts that there are not', () => {
    for (const name of ['h.0.attn.c_attn.weight[x]', 'h.0.attn.c_attn.weight[q.head4]', 'lstm.weight_hh_l0[]']) {
      const { status, stderr } = run('inspect', model, '--layers', name);
      assert.deepEqual([status, /no layer matches/.test(stderr)], [2, true], name);
    }
  });
});
