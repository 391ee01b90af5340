/** A LoRA pair's product in the terminal: its numbers from the factors against those of the matrix itself. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { LayerResult } from '../../extension/shared/layers';
import { commandLine } from '../harness/commandLine';
import { frobenius, jacobiEigenvalues, naiveProduct, randomMatrix } from '../harness/numbers/denseReference';
import { safetensorsBytes, type FixtureTensor } from '../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../harness/temporaryFolder';
import { parseSafetensors } from '../unit/compression/savingFixture';

/** A float32 tensor and the values it holds. */
function random(name: string, shape: number[], seed: number): FixtureTensor & { values: Float64Array } {
  const count = shape.reduce((product, size) => product * size, 1);
  const stored = Float32Array.from(randomMatrix(1, count, seed));
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(stored.buffer), values: Float64Array.from(stored) };
}

describe('a LoRA adapter with its base model', () => {
  const folder = temporaryFolder();
  const A = random('base_model.model.q.lora_A.weight', [3, 40], 1);
  const B = random('base_model.model.q.lora_B.weight', [30, 3], 2);
  const convA = random('base_model.model.c.lora_A.weight', [2, 5, 3, 1], 3);
  const convB = random('base_model.model.c.lora_B.weight', [8, 2, 1, 1], 4);
  const W = random('q.weight', [30, 40], 5);
  let layers: Map<string, LayerResult>;

  before(() => {
    mkdirSync(path.join(folder, 'adapter'));
    const file = (name: string): string => path.join(folder, 'adapter', name);
    writeFileSync(file('adapter_model.safetensors'), safetensorsBytes([A, B, convA, convB]));
    writeFileSync(file('adapter_config.json'), JSON.stringify({ peft_type: 'LORA', lora_alpha: 6, r: 3 }));
    writeFileSync(path.join(folder, 'model.safetensors'), safetensorsBytes([W]));
    const { status, stdout, stderr } = commandLine(folder)('inspect', file(''), '--json');
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout) as { layers: LayerResult[] };
    layers = new Map(report.layers.map((layer) => [layer.name.replace('base_model.model.', ''), layer]));
  });

  const close = (found: number | null | undefined, expected: number): void => {
    assert.ok(Math.abs(found! / expected - 1) < 1e-6, `${found} for ${expected}`);
  };

  it('has the spectrum of ΔW, and tells how many directions matter and how large it is beside W', () => {
    const { metrics, missing, ranks, factored, N, M, statistics } = layers.get('q.delta_weight')!;
    const delta = naiveProduct(B.values, A.values, 30, 40, 3).map((value) => 2 * value);
    const eigenvalues = jacobiEigenvalues(naiveProduct(delta, delta, 30, 30, 40, false, true), 30);
    assert.deepEqual([N, M, metrics.matrix_rank, metrics.rank_loss], [40, 30, 3, 27]);
    close(metrics.spectral_norm, eigenvalues[29]!);
    close(metrics.norm, frobenius(delta) ** 2);
    close(
      metrics.nuclear_norm,
      eigenvalues.slice(-3).reduce((sum, value) => sum + Math.sqrt(value), 0),
    );
    close(
      statistics!.max,
      delta.reduce((most, value) => Math.max(most, value)),
    );
    let kept = 0;
    const needed = [29, 28, 27].findIndex((i) => (kept += eigenvalues[i]!) >= 0.95 * frobenius(delta) ** 2) + 1;
    assert.equal(ranks['energy_0.95']!.rank, needed);
    assert.deepEqual([factored!.rank, factored!.scale, factored!.directions], [3, 2, needed]);
    assert.equal(ranks['energy_0.95']!.ratio, needed / 3);
    assert.equal(ranks['break_even'], undefined);
    assert.match(missing!['rank_break_even']!, /pair of factors/);
    assert.match(missing!['farms_alpha']!, /not stored/, 'FARMS is on');
    assert.deepEqual(factored!.factors, ['base_model.model.q.lora_B.weight', 'base_model.model.q.lora_A.weight']);
    assert.equal(factored!.base!.tensor, 'q.weight');
    close(factored!.base!.relative_norm, frobenius(delta) / frobenius(W.values));
  });

  it('says in the table whose weights ΔW is compared with', () => {
    const { stdout } = commandLine(folder)('inspect', path.join(folder, 'adapter'));
    const file = layers.get('q.delta_weight')!.factored!.base!.path;
    assert.ok(stdout.includes(`‖ΔW‖/‖W‖: W is the weight of the same module in ${file}.\n`), stdout);
  });

  it('pools the kernel positions of a convolution, and ranks it as one matrix', () => {
    const layer = layers.get('c.delta_weight')!;
    const delta = naiveProduct(convB.values, convA.values, 8, 15, 2).map((value) => 3 * value);
    assert.deepEqual([layer.matrices, layer.N, layer.M, layer.factored!.base], [3, 8, 5, undefined]);
    // Slices are scaled by √0.5.
    close(layer.metrics.norm, frobenius(delta) ** 2 / 2);
    assert.equal(layer.metrics.matrix_rank, 6);
    assert.equal(layer.ranks['energy_0.99']!.rank <= 2, true);
  });

  it('is not compressed, with the reason', () => {
    const { status, stderr } = commandLine(folder)(
      ...['compress', path.join(folder, 'adapter'), '--layer', 'base_model.model.q.delta_weight'],
      ...['--rank', '1', '--out', path.join(folder, 'out.safetensors')],
    );
    assert.notEqual(status, 0);
    assert.match(stderr, /q\.delta_weight is not stored: it is the product of .*lora_B\.weight and .*lora_A\.weight/);
  });

  it('has factors that no pair replaces; a matrix of lower rank does, under its name and shape', () => {
    const target = path.join(folder, 'smaller.safetensors');
    const compress = (...more: string[]) =>
      commandLine(folder)(
        ...['compress', path.join(folder, 'adapter'), '--layer', '*q.lora_A*', '--rank', '1', '--out', target],
        ...more,
      );
    const { status, stderr } = compress();
    assert.equal(status, 2, stderr);
    assert.match(
      stderr,
      /q\.lora_A\.weight: is a part of base_model\.model\.q\.delta_weight already, and no program loads/,
    );
    assert.match(stderr, /save the reconstructed matrix instead/);
    assert.ok(!existsSync(target));
    const reconstructed = compress('--output', 'reconstructed');
    assert.equal(reconstructed.status, 0, reconstructed.stderr);
    const { names, tensors } = parseSafetensors(target);
    assert.deepEqual([...names].sort(), [A, B, convA, convB].map(({ name }) => name).sort());
    assert.deepEqual(tensors.get(A.name)!.shape, A.shape);
  });
});
