/**
 * How long a plan takes: of LLaMA-7B's 224 matrices from spectra at hand, by the knapsack and by integer programming; and of
 * a 70B-shaped model on disk (a sparse file) from its headers and cached spectra.
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { assign } from '../../extension/compression/assignment/assign';
import { assignmentChoices } from '../../extension/compression/assignment/choices';
import { preparePlan } from '../../extension/compression/plan/planner';
import { Engine } from '../../extension/engine/engine';
import { exactness } from '../../extension/engine/layer/layerExactness';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import { planSource } from '../../extension/engine/requests/planSource';
import type { LayerOutcome } from '../../extension/engine/worker/layerRecords';
import type { PlanLayer } from '../../extension/shared/compression/plans';
import { benchTable, median, type BenchRow } from './benchTable';

const RUNS = 5;

interface Shape {
  readonly name: string;
  readonly outputs: number;
  readonly inputs: number;
}

function blocks(count: number, width: number, keys: number, middle: number): Shape[] {
  const of = (name: string, outputs: number, inputs: number): Shape => ({ name, outputs, inputs });
  return Array.from({ length: count }, (_, block) =>
    [
      ...[
        of('self_attn.q_proj', width, width),
        of('self_attn.k_proj', keys, width),
        of('self_attn.v_proj', keys, width),
      ],
      ...[of('self_attn.o_proj', width, width), of('mlp.gate_proj', middle, width), of('mlp.up_proj', middle, width)],
      of('mlp.down_proj', width, middle),
    ].map((shape) => ({ ...shape, name: `model.layers.${block}.${shape.name}.weight` })),
  ).flat();
}

/** λ that fall by a power, another one for each layer; a little noise keeps them apart. */
function spectrum(count: number, seed: number): Float64Array {
  let state = (seed * 2654435761) % 2 ** 31;
  const random = (): number => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  const [scale, power] = [1 + 5 * random(), 0.3 + 0.8 * random()];
  return Float64Array.from({ length: count }, (_, i) => scale * (i + 1) ** -power * (1 + 1e-3 * random()))
    .sort()
    .reverse();
}

function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

async function main(): Promise<void> {
  const rows: BenchRow[] = [];
  const layers = blocks(32, 4096, 4096, 11008).map(({ name, outputs, inputs }, l): PlanLayer => ({
    ...{ name, outputs, inputs, storedBytes: 2 * outputs * inputs, elementBytes: 2 },
    ...{ block: name.slice(0, name.indexOf('.', 13)), eigenvalues: spectrum(4096, l + 1) },
  }));
  const rest = { bytes: 4 * 32000 * 4096, parameters: 2 * 32000 * 4096 };
  const request = { method: { method: 'svd' }, multiple: 8, allocation: 'optimal' } as const;
  const at = (value: number): Parameters<ReturnType<typeof preparePlan>['allocate']>[0] => ({
    ...request,
    target: { kind: 'size', value },
  });
  const whole = Array.from({ length: RUNS }, () => timed(() => preparePlan(layers, rest).allocate(at(0.5))));
  rows.push({ work: 'plan of 224 layers from σ, optimal', ours: median(whole), bounds: 'value', limit: 0.2 });
  const planner = preparePlan(layers, rest);
  planner.allocate(at(0.5));
  const moves = Array.from({ length: 20 }, (_, i) => timed(() => planner.allocate(at(0.3 + 0.02 * i))));
  rows.push({ work: 'the same at another place of the slider', ours: median(moves), bounds: 'value', limit: 0.016 });

  const start = performance.now();
  const problem = planner.assignment(at(0.5), (layer) => assignmentChoices(layer, [request.method], 8));
  const solution = (await assign({ ...problem, timeLimit: 5 }))!;
  const gap = (solution.minimised - solution.bound) / solution.minimised;
  const took = (performance.now() - start) / 1000;
  rows.push({
    work: 'the same by integer programming, 5 choices',
    ours: took,
    bounds: 'value',
    limit: 5,
    note: `gap ${gap.toExponential(1)}`,
  });
  rows.push(await large());
  process.stdout.write(benchTable('Plans', rows));
}

/** Headers, content and cache of a 70B-shaped model. */
async function large(): Promise<BenchRow> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-plans-'));
  try {
    const shapes = blocks(80, 8192, 1024, 28672);
    let at = 0;
    const header = Object.fromEntries(
      shapes.map(({ name, outputs, inputs }) => {
        const end = at + 2 * outputs * inputs;
        const entry = { dtype: 'BF16', shape: [outputs, inputs], data_offsets: [at, end] };
        at = end;
        return [name, entry];
      }),
    );
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    const file = path.join(folder, 'model.safetensors');
    writeFileSync(file, Buffer.concat([length, text]));
    truncateSync(file, 8 + text.length + at);
    await new Promise((resolve) => setTimeout(resolve, 3000)); // the cache trusts no file that has just been written
    const settings = { farms: DEFAULT_FARMS };
    const engine = (): Engine =>
      new Engine({
        cacheFolder: path.join(folder, 'cache'),
        threads: 1,
        memoryLimit: 2 ** 31,
        device: 'cpu',
        notify: () => undefined,
      });
    const first = engine();
    const document = await first.documents.open(file);
    for (const [l, { name, outputs, inputs }] of shapes.entries()) {
      const { tensor, geometry } = document.layer(name);
      const eigenvalues = spectrum(Math.min(outputs, inputs), l + 1).reverse();
      const result = {
        name,
        tensor: name,
        problems: [],
        fits: {},
        farms: null,
        ranks: {},
        metrics: {},
      } as unknown as LayerOutcome['result'];
      const outcome = {
        result,
        eigenvalues,
        farmsEigenvalues: new Float64Array(0),
        rankEigenvalues: eigenvalues,
      } as LayerOutcome;
      const made = exactness(tensor, geometry!, settings, 2 ** 31)!;
      const key = { identity: document.identity, layer: document.cacheName(name), settings, exactness: made };
      await first.cache.put({ ...key, probe: await document.probe(name) }, outcome);
    }
    await first.dispose();
    const second = engine();
    const start = performance.now();
    const again = await second.documents.open(file);
    const { signal } = new AbortController();
    const source = await planSource(second, again, { compute: 'nothing', settings }, signal);
    const planned = preparePlan(source.layers, source.rest).allocate({
      ...{ method: { method: 'svd' }, multiple: 8, allocation: 'optimal', target: { kind: 'size', value: 0.5 } },
    });
    const ours = (performance.now() - start) / 1000;
    await second.dispose();
    const note = `${planned.totals.compressed} of ${shapes.length} compressed, ${planned.missing.length} not known`;
    return { work: 'plan of a 70B-shaped file, headers and cached σ', ours, bounds: 'value', limit: 2, note };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
