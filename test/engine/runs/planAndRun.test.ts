/** What a plan says of real layers before it is run, held to what the run measures and to the bytes of the saved files. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { preparePlan } from '../../../extension/compression/plan/planner';
import type { PlanRequest, PlanRow } from '../../../extension/compression/plan/planRequest';
import { DEFAULT_FARMS } from '../../../extension/engine/terminal/cliArguments';
import type { MeasuredLayer } from '../../../extension/shared/compression/measured';
import { QUANTISERS } from '../../../extension/shared/compression/methodOptions';
import { layerMethods } from '../../../extension/shared/compression/methodTable';
import type { CompressionPlan, LayerChoice, PlanLayer } from '../../../extension/shared/compression/plans';
import type { PlanSource } from '../../../extension/shared/compression/planSource';
import type { RunRequest, RunResult } from '../../../extension/shared/compression/runs';
import { EngineProcess } from '../../harness/engineProcess';
import { safetensorsBytes, type FixtureTensor } from '../../harness/checkpoints/safetensorsFixtures';
import { randomMatrix } from '../../harness/numbers/denseReference';
import { sharedFolder } from '../../harness/shared';
import { planOf } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { parseSafetensors } from '../../unit/compression/savingFixture';

const CHECKPOINTS = [
  'stories260K-llama-derived/model.safetensors',
  'stories260K-llama-derived/stories260K-Q8_0.gguf',
  'resnet-cifar10/resnet20-12fca82f.th',
] as const;

/** Its target is not read: the layers are told. */
const REQUEST: PlanRequest = {
  ...{ target: { kind: 'size', value: 1 }, allocation: 'uniform', method: { method: 'svd' }, multiple: 1 },
};

const RANK = 4;
const TOKENS = 300;

/** Floats are rounded to float32 where they are stored. */
const FLOAT32 = 1e-6;

/** Intervals come from large samples, and these layers are small. */
const BLUR = 1.02;

/** Each method that makes parts, and each quantiser. */
const PARTS: readonly LayerChoice[] = [
  ...layerMethods
    .filter(({ stores, options }) => stores !== 'adapter' && !options.some((option) => option === 'quantiser'))
    .map(({ name, rank }): LayerChoice => ({ method: name, ...(rank && { rank: RANK }) })),
  ...QUANTISERS.map((quantiser): LayerChoice => ({ method: 'quantise', quantiser })),
  { method: 'gear', rank: RANK, quantiser: 'int4' },
  { method: 'lq-lora', rank: RANK, quantiser: 'nf3' },
];

/** The adapters whose base is saved with them, in floats; that of lq-lora is quantised in other layouts. */
const ADAPTERS: readonly LayerChoice[] = (['pissa', 'olora', 'loftq', 'lq-lora'] as const).map((method) => ({
  method,
  rank: RANK,
}));

/** An engine's process with the checkpoint open, and what a plan of it is made from. */
interface Opened {
  readonly source: PlanSource;
  readonly run: (plan: CompressionPlan, request: Omit<RunRequest, 'plan'>) => Promise<RunResult>;
}

async function opened(file: string, work: (model: Opened) => Promise<void>): Promise<void> {
  const engine = new EngineProcess({ threads: 2, memoryMegabytes: 1000 });
  try {
    const { document } = await engine.request('open', { path: file });
    const inspected = { settings: { farms: DEFAULT_FARMS }, compute: 'spectra' } as const;
    const source = await engine.request('planLayers', { document, ...inspected });
    const { checkpoint } = source;
    await work({
      source,
      run: (plan, more) => engine.request('runPlan', { document, request: { plan: { ...plan, checkpoint }, ...more } }),
    });
  } finally {
    engine.dispose();
  }
}

/** Of made-up inputs and gradients. */
function writeStatistics(file: string, layers: readonly PlanLayer[]): string {
  const tensors = layers.flatMap(({ name, outputs, inputs }, l): FixtureTensor[] => {
    const x = randomMatrix(TOKENS, inputs, l);
    const gram = new Float64Array(inputs * inputs);
    const [mean, absMean] = [new Float64Array(inputs), new Float64Array(inputs)];
    for (let t = 0; t < TOKENS; t++) {
      for (let i = 0; i < inputs; i++) {
        const xi = x[t * inputs + i]!;
        mean[i]! += xi / TOKENS;
        absMean[i]! += Math.abs(xi) / TOKENS;
        for (let j = 0; j < inputs; j++) gram[i * inputs + j]! += xi * x[t * inputs + j]!;
      }
    }
    const fisher = randomMatrix(1, outputs, l).map((value) => 1 + value ** 2);
    const doubles = (field: string, shape: number[], values: Float64Array): FixtureTensor => ({
      ...{ name: `${name}.${field}`, dtype: 'F64', shape, bytes: new Uint8Array(values.buffer) },
    });
    return [
      doubles('input_gram', [inputs, inputs], gram),
      doubles('input_mean', [inputs], mean),
      doubles('input_abs_mean', [inputs], absMean),
      doubles('fisher', [outputs], fisher),
      doubles('tokens', [1], Float64Array.of(TOKENS)),
    ];
  });
  writeFileSync(file, safetensorsBytes(tensors));
  return file;
}

function assertError(
  { name, error, errorIs, errorBetween }: PlanRow,
  { choice, relative_error: found }: MeasuredLayer,
): void {
  const where = `${name} by ${JSON.stringify(choice)}: planned ${errorIs} ${error}, found ${found}`;
  if (error === null) return;
  if (errorIs === 'exact') assert.ok(Math.abs(error - found) <= FLOAT32, where);
  if (errorIs === 'at least') assert.ok(found >= error - FLOAT32, where);
  if (errorBetween) assert.ok(found >= errorBetween[0] / BLUR && found <= errorBetween[1] * BLUR, where);
  if (errorIs === 'at most') assert.ok(found <= error + FLOAT32, where);
}

/** @returns the rows whose numbers are not those of the run */
function wrongRows(rows: readonly PlanRow[], layers: RunResult['layers']): unknown[] {
  return layers.flatMap((layer) => {
    const measured = layer as MeasuredLayer;
    const row = rows.find(({ name }) => name === measured.layer)!;
    assertError(row, measured);
    const planned = [row.parameters, row.bytes, row.multiplyAdds];
    const found = [measured.parameters, measured.bytes, measured.multiply_adds];
    return isDeepStrictEqual(planned, found) ? [] : [{ plan: row.plan, planned, found }];
  });
}

function tensorBytes(...file: string[]): number {
  const { tensors } = parseSafetensors(path.join(...file));
  return [...tensors.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
}

const shared = sharedFolder;
if (shared === undefined) {
  console.log('The reference checkpoints are not beside the repository: no plans of them are run.');
} else {
  describe('a plan of real layers', function () {
    this.timeout(60_000);
    const folder = temporaryFolder();
    const fileOf = (name: string): string => path.join(shared, 'checkpoints', name);

    for (const [at, name] of CHECKPOINTS.entries()) {
      it(`says what its run measures, by every method: ${name}`, () =>
        opened(fileOf(name), async ({ source, run }) => {
          const taken = source.layers.filter((each) => !each.leftOut && Math.min(each.outputs, each.inputs) > RANK);
          const statistics = writeStatistics(path.join(folder, `${at}.safetensors`), taken.slice(0, PARTS.length));
          for (let first = 0; first < PARTS.length; first += taken.length) {
            const some = PARTS.slice(first, first + taken.length);
            const layers = Object.fromEntries(some.map((choice, l) => [taken[l]!.name, choice]));
            const { rows, totals } = preparePlan(source.layers, source.rest).described(REQUEST, layers);
            const target = path.join(folder, `${at}-${first}`);
            const ran = await run(planOf(layers), { layout: 'safetensors', target, statistics });
            assert.equal(ran.layers.length, some.length);
            assert.deepEqual(wrongRows(rows, ran.layers), []);
            const saved = tensorBytes(target, 'model.safetensors');
            assert.deepEqual(totals.bytes, { before: ran.bytes.before, after: saved });
            assert.equal(ran.bytes.tensors, saved);
          }
        }));
    }

    it('says what its run measures of adapters that are saved with their base', () =>
      opened(fileOf(CHECKPOINTS[0]), async ({ source, run }) => {
        const taken = source.layers.filter(({ leftOut }) => !leftOut);
        const layers = Object.fromEntries(ADAPTERS.map((choice, l) => [taken[l]!.name, choice]));
        const { rows, totals } = preparePlan(source.layers, source.rest).described(REQUEST, layers);
        const target = path.join(folder, 'adapter');
        const ran = await run(planOf(layers), { layout: 'peft', target });
        assert.equal(ran.layers.length, ADAPTERS.length);
        const own = ran.layers.filter((layer) => !('choice' in layer && layer.choice.method === 'lq-lora'));
        assert.deepEqual(wrongRows(rows, own), []);
        const saved =
          tensorBytes(target, 'adapter_model.safetensors') + tensorBytes(target, 'base', 'model.safetensors');
        assert.deepEqual(totals.asAdapter, { bytes: saved, base: 'decoded' });
        assert.ok(totals.bytes.after < saved, 'parts take less');
        assert.equal(ran.bytes.tensors, saved);
      }));
  });
}
