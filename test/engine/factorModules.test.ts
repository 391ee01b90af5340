/**
 * Factors in the modules that load them: Linear, GPT-2's Conv1D, convolutions and embeddings put out what the low-rank
 * weight would. PyTorch's own numbers are in the fixture; PyTorch itself loads the file where it is installed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { commandLine } from '../harness/commandLine';
import { pythonWith } from '../harness/python';
import { repositoryRoot } from '../harness/shared';
import { temporaryFolder } from '../harness/temporaryFolder';
import { parseSafetensors } from '../unit/compression/savingFixture';

interface Fixture {
  file: string;
  rank: number;
  layers: Record<string, { input: number[]; inputShape: number[]; output: number[] }>;
}

interface LayerNote {
  layer: string;
  weight: { modules: string; product: [string, string]; transposed?: string };
}

const SCRIPT = path.join(repositoryRoot, 'test', 'engine', 'factorModules.py');
const fixture = JSON.parse(
  readFileSync(path.join(repositoryRoot, 'test', 'engine', 'factorModules.json'), 'utf8'),
) as Fixture;

/** float32 factors against a float64 reference. */
const TOLERANCE = 1e-6;

describe('factors in the modules that load them', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const target = path.join(folder, 'factors.safetensors');
  let saved: ReturnType<typeof parseSafetensors>;
  let notes: LayerNote[];

  before(() => {
    const model = path.join(folder, 'model.safetensors');
    writeFileSync(model, Buffer.from(fixture.file, 'base64'));
    const layers = Object.keys(fixture.layers).flatMap((name) => ['--layer', `${name}.weight`]);
    const { status, stderr } = run('compress', model, ...layers, '--rank', String(fixture.rank), '--out', target);
    assert.equal(status, 0, stderr);
    saved = parseSafetensors(target);
    notes = (JSON.parse(saved.metadata['eigenscope']!) as { layers: LayerNote[] }).layers;
  });

  const numbers = (name: string): Float32Array => {
    const { bytes } = saved.tensors.get(name)!;
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  };
  const shape = (name: string): number[] => saved.tensors.get(name)!.shape;

  it('are called as nn.Sequential calls its modules, in the order in which input meets them', () => {
    const expected = {
      'fc.0.weight': [3, 7],
      'fc.1.weight': [9, 3],
      'fc.1.bias': [9],
      'head.0.weight': [3, 6],
      'head.1.weight': [8, 3],
      'h.0.attn.c_attn.0.weight': [5, 3],
      'h.0.attn.c_attn.0.bias': [3],
      'h.0.attn.c_attn.1.weight': [3, 15],
      'h.0.attn.c_attn.1.bias': [15],
      'h.0.attn.c_proj.0.weight': [5, 3],
      'h.0.attn.c_proj.0.bias': [3],
      'h.0.attn.c_proj.1.weight': [3, 5],
      'h.0.attn.c_proj.1.bias': [5],
      'conv.0.weight': [3, 4, 3, 2],
      'conv.1.weight': [6, 3, 1, 1],
      'conv.1.bias': [6],
      'line.0.weight': [3, 4, 3],
      'line.1.weight': [5, 3, 1],
      'wte.0.weight': [11, 3],
      'wte.1.weight': [6, 3],
    };
    const found = Object.fromEntries([...saved.tensors].map(([name, tensor]) => [name, tensor.shape]));
    assert.deepEqual(found, expected);
    assert.equal(saved.metadata['format'], 'pt');
    assert.deepEqual(
      notes.map(({ layer, weight }) => [layer, weight.modules]),
      [
        ['fc.weight', 'nn.Sequential(nn.Linear(7, 3, bias=False), nn.Linear(3, 9))'],
        ['head.weight', 'nn.Sequential(nn.Linear(6, 3, bias=False), nn.Linear(3, 8, bias=False))'],
        ['h.0.attn.c_attn.weight', 'nn.Sequential(Conv1D(3, 5), Conv1D(15, 3))'],
        ['h.0.attn.c_proj.weight', 'nn.Sequential(Conv1D(3, 5), Conv1D(5, 3))'],
        ['conv.weight', 'nn.Sequential(nn.Conv2d(4, 3, (3, 2), bias=False), nn.Conv2d(3, 6, 1))'],
        ['line.weight', 'nn.Sequential(nn.Conv1d(4, 3, 3, bias=False), nn.Conv1d(3, 5, 1, bias=False))'],
        ['wte.weight', 'nn.Sequential(nn.Embedding(11, 3), nn.Linear(3, 6, bias=False))'],
      ],
    );
  });

  for (const name of Object.keys(fixture.layers)) {
    it(`${name} puts out what PyTorch computed for its low-rank weight`, () => {
      const { input, inputShape, output } = fixture.layers[name]!;
      const first = `${name}.0`;
      const second = `${name}.1`;
      let values: number[];
      let at: number[];
      if (name === 'wte') {
        const width = shape(`${first}.weight`)[1]!;
        values = input.flatMap((row) => [...numbers(`${first}.weight`).subarray(row * width, (row + 1) * width)]);
        at = [input.length, width];
      } else [values, at] = apply(first, input, inputShape);
      const [result] = apply(second, values, at);
      const distance = Math.hypot(...result.map((value, i) => value - output[i]!)) / Math.hypot(...output);
      assert.ok(distance < TOLERANCE, `${distance}`);
      assert.equal(result.length, output.length);
    });
  }

  /** One module of the pair on its input: a matrix product, or a convolution without padding. */
  function apply(module: string, input: readonly number[], inputShape: readonly number[]): [number[], number[]] {
    const weight = numbers(`${module}.weight`);
    const size = shape(`${module}.weight`);
    const bias = saved.tensors.has(`${module}.bias`) ? numbers(`${module}.bias`) : undefined;
    if (size.length === 2) {
      const inputsAreRows = module.includes('c_attn') || module.includes('c_proj');
      const [outs, ins] = inputsAreRows ? [size[1]!, size[0]!] : [size[0]!, size[1]!];
      const count = input.length / ins;
      const result = Array.from({ length: count * outs }, (_, index) => {
        const [row, o] = [Math.floor(index / outs), index % outs];
        let sum = bias?.[o] ?? 0;
        for (let i = 0; i < ins; i++) {
          sum += input[row * ins + i]! * weight[inputsAreRows ? i * outs + o : o * ins + i]!;
        }
        return sum;
      });
      return [result, [count, outs]];
    }
    const [outs, ins] = size as [number, number];
    const [kh, kw] = size.length === 4 ? [size[2]!, size[3]!] : [1, size[2]!];
    const [height, width] = inputShape.length === 4 ? [inputShape[2]!, inputShape[3]!] : [1, inputShape[2]!];
    const [oh, ow] = [height - kh + 1, width - kw + 1];
    const result = Array.from({ length: outs * oh * ow }, (_, index) => {
      const [o, y, x] = [Math.floor(index / (oh * ow)), Math.floor(index / ow) % oh, index % ow];
      let sum = bias?.[o] ?? 0;
      for (let i = 0; i < ins; i++)
        for (let dy = 0; dy < kh; dy++)
          for (let dx = 0; dx < kw; dx++) {
            const value = input[(i * height + y + dy) * width + x + dx]!;
            sum += value * weight[((o * ins + i) * kh + dy) * kw + dx]!;
          }
      return sum;
    });
    return [result, inputShape.length === 4 ? [1, outs, oh, ow] : [1, outs, ow]];
  }

  it('load strictly in PyTorch itself', () => {
    const python = pythonWith('torch', 'safetensors');
    if (python === undefined) {
      console.log('      No Python with torch and safetensors (EIGENSCOPE_PYTHON names one): not tried here.');
      return;
    }
    const { status, stdout, stderr } = spawnSync(python, [SCRIPT, 'check', target], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const differences = Object.entries(JSON.parse(stdout) as Record<string, number>);
    assert.equal(differences.length, Object.keys(fixture.layers).length);
    for (const [name, difference] of differences) assert.ok(difference < TOLERANCE, `${name}: ${difference}`);
  });
});
