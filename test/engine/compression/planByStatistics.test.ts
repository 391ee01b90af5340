/** `eigenscope plan` with allocations that go by statistics of the inputs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parsePlan } from '../../../extension/compression/planFile/parsePlan';
import { uniform, writeSafetensors } from '../../harness/checkpoints/madeCheckpoints';
import { commandLine } from '../../harness/commandLine';
import { jacobiEigenvalues, naiveProduct } from '../../harness/numbers/denseReference';
import { temporaryFolder } from '../../harness/temporaryFolder';

type Tensor = Parameters<typeof writeSafetensors>[1][number];

describe('plans by statistics of the inputs', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const tensor = (name: string, rows: number, columns: number, seed: number): Tensor => ({
    ...{ name, shape: [rows, columns], values: uniform(rows * columns, seed) },
  });
  const tensors = [
    tensor('model.embed_tokens.weight', 40, 24, 1),
    tensor('model.layers.0.self_attn.q_proj.weight', 24, 24, 2),
    tensor('model.layers.0.mlp.up_proj.weight', 64, 24, 3),
    tensor('model.layers.0.mlp.down_proj.weight', 24, 64, 4),
    tensor('lm_head.weight', 40, 24, 6),
  ];
  const model = writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
  const out = path.join(folder, 'a.eigenplan.json');
  const gram = (name: string, n: number, seed: number): Tensor => {
    const x = uniform(n * 90, seed);
    // Inputs of very different sizes: what the outputs lose is another thing than what the weights lose.
    const at = (i: number, t: number): number => x[i * 90 + t]! * 8 ** (((i * (seed + 1)) % 7) / 2 - 2);
    const values = Float32Array.from({ length: n * n }, (_, k) => {
      const [i, j] = [Math.floor(k / n), k % n];
      let sum = 0;
      for (let t = 0; t < 90; t++) sum += at(i, t) * at(j, t);
      return sum;
    });
    return { name: `model.layers.0.${name}.input_gram`, shape: [n, n], values };
  };
  const grams = [gram('self_attn.q_proj', 24, 1), gram('mlp.up_proj', 24, 2), gram('mlp.down_proj', 64, 3)];
  const influence = { name: 'model.layers.0.block_influence', shape: [1], values: Float32Array.of(0.25) };
  const stats = writeSafetensors(path.join(folder, 'stats.safetensors'), [...grams, influence]);
  const bare = writeSafetensors(path.join(folder, 'bare.safetensors'), grams);

  /** λ of W·C·Wᵀ of a layer, descending: what its outputs lose is the sum of those that are cut. */
  const spectrumOf = (name: string): Float64Array => {
    const { values: w, shape } = tensors.find((each) => each.name === `model.layers.0.${name}.weight`)!;
    const { values: c } = grams.find((each) => each.name === `model.layers.0.${name}.input_gram`)!;
    const [rows, columns] = shape as [number, number];
    const wc = naiveProduct(Float64Array.from(w), Float64Array.from(c), rows, columns, columns);
    const square = naiveProduct(wc, Float64Array.from(w), rows, rows, columns, false, true);
    return jacobiEigenvalues(square, rows).sort().reverse();
  };

  it('loses least of the outputs if that is what the budget is shared by, and prints how much', () => {
    const spectra = new Map(
      ['self_attn.q_proj', 'mlp.up_proj', 'mlp.down_proj'].map((name) => [name, spectrumOf(name)]),
    );
    const asked = ['--ratio', '0.6', '--target', 'parameters', '--method', 'svd-llm', '--stats', stats];
    const lostBy = (allocation: string): { lost: number; printed: string } => {
      const options = [...asked, '--allocation', allocation];
      const { status, stdout, stderr } = run('plan', model, '--out', out, '--overwrite', ...options);
      assert.equal(status, 0, stderr);
      const { layers } = parsePlan(readFileSync(out, 'utf8'), out);
      let [lost, whole] = [0, 0];
      for (const [name, spectrum] of spectra) {
        const own = layers[`model.layers.0.${name}.weight`]!;
        whole += spectrum.reduce((a, b) => a + b, 0);
        if ('rank' in own) lost += spectrum.slice(own.rank).reduce((a, b) => a + b, 0);
      }
      return { lost: Math.sqrt(lost / whole), printed: /^output error +(.*) %$/m.exec(stdout)?.[1] ?? '' };
    };
    const [plain, uniformly, best] = ['optimal', 'uniform', 'optimal-gram'].map(lostBy);
    assert.ok(best!.lost < plain!.lost && best!.lost < uniformly!.lost, JSON.stringify([plain, uniformly, best]));
    assert.ok(Math.abs(Number(best!.printed) / 100 - best!.lost) < 1e-4 * best!.lost, JSON.stringify(best));
    const saved = path.join(folder, 'by-gram');
    const ran = run('compress', model, '--plan', out, '--to', 'safetensors', '--stats', stats, '--out', saved);
    assert.equal(ran.status, 0, ran.stderr);
  });

  it('lets blocks lose by their influence, and says what is in none', () => {
    const asked = ['--ratio', '0.8', '--stats', stats, '--allocation', 'block-influence', '--include', 'lm_head'];
    const { status, stderr } = run('plan', model, '--out', out, '--overwrite', ...asked);
    assert.equal(status, 0, stderr);
    const plan = parsePlan(readFileSync(out, 'utf8'), out);
    assert.ok('rank' in plan.layers['model.layers.0.mlp.up_proj.weight']!);
    assert.deepEqual(plan.layers['lm_head.weight'], { keep: 'dense', why: 'is in no block' });
  });

  it('says what the statistics lack', () => {
    const refused = (...options: string[]): string => {
      const { status, stderr } = run('plan', model, '--out', out, '--overwrite', '--ratio', '0.8', ...options);
      assert.equal(status, 2, stderr);
      return stderr;
    };
    assert.match(refused('--allocation', 'optimal-gram'), /optimal-gram needs statistics of the inputs: --stats FILE/);
    assert.match(
      refused('--allocation', 'block-influence', '--stats', bare),
      /block-influence needs statistics with <block>\.block_influence/,
    );
    const asked = ['--method', 'quantise', '--stats', stats, '--allocation', 'optimal-gram'];
    assert.match(refused(...asked), /two factors, which quantise does not have: choose svd-llm/);
  });
});
