/** Plans that are not saved give the numbers of the folders that they would become. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { groupsIn } from '../../../extension/compression/groups/findGroups';
import { evaluateDecoderFiles } from '../../../extension/engine/decoders/evaluateDecoderFiles';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import { openModel } from '../../../extension/checkpoint/openModel';
import type { DecoderEvaluation, EvaluatedDecoder } from '../../../extension/shared/decoderRuns';
import type { CompressionPlan, GroupPlan, LayerPlan } from '../../../extension/shared/compression/plans';
import { safetensorsBytes, type FixtureTensor } from '../../harness/checkpoints/safetensorsFixtures';
import { randomMatrix } from '../../harness/numbers/denseReference';
import { onnxruntimeExists } from '../../harness/onnxruntime';
import { runInProcess } from '../../harness/planRuns';
import { planOf } from '../../harness/smallModels';
import { repositoryRoot } from '../../harness/shared';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { contentFingerprint } from '../../../extension/engine/document/contentFingerprint';

const TOKENS = 100;
const kernels = loadKernels();

/** Of numbers by chance, as inputs that nobody measured. */
function statisticsOf(module: string, inputs: number, seed: number): FixtureTensor[] {
  const x = randomMatrix(inputs, TOKENS, seed);
  const float64 = (field: string, shape: number[], values: Float64Array): FixtureTensor => ({
    ...{ name: `${module}.${field}`, dtype: 'F64', shape, bytes: new Uint8Array(values.slice().buffer) },
  });
  const means = (of: (value: number) => number): Float64Array =>
    Float64Array.from({ length: inputs }, (_, i) => {
      let sum = 0;
      for (let t = 0; t < TOKENS; t++) sum += of(x[i * TOKENS + t]!);
      return sum / TOKENS;
    });
  return [
    float64('input_gram', [inputs, inputs], new Float64Array(kernels.gram(x, inputs, TOKENS, 'rows'))),
    float64(
      'input_mean',
      [inputs],
      means((value) => value),
    ),
    float64('input_abs_mean', [inputs], means(Math.abs)),
    float64('tokens', [1], Float64Array.of(TOKENS)),
  ];
}

describe('plans that are not saved', function () {
  this.timeout(300_000);
  if (!onnxruntimeExists) return;
  const folder = temporaryFolder();
  const golden = (name: string): string => path.join(repositoryRoot, 'test', 'unit', 'decoder', 'golden', name);
  const ids = path.join(folder, 'ids.jsonl');
  writeFileSync(ids, JSON.stringify(Array.from({ length: 64 }, (_, i) => (i * i + 3 * i) % 48)));
  const tokens = { path: ids, windows: 4, length: 16 };
  let count = 0;

  interface Wanted {
    readonly layers?: (name: string, shape: readonly number[]) => LayerPlan | undefined;
    readonly groups?: Record<string, GroupPlan>;
  }

  async function planned(model: string, { layers = () => undefined, groups }: Wanted) {
    const opened = await openModel(model);
    try {
      const weights = opened.tensors.filter(({ shape }) => shape.length > 1);
      const statistics = path.join(folder, `s${count++}.safetensors`);
      const sides = weights.map(({ name, shape, inputsFirst }) => {
        const inputs = inputsFirst === true || /c_(attn|fc|proj)/.test(name) ? shape[0]! : shape.at(-1)!;
        return statisticsOf(name.replace(/\.weight$/, ''), inputs, name.length);
      });
      writeFileSync(statistics, safetensorsBytes(sides.flat()));
      const plan: CompressionPlan = {
        ...planOf(
          Object.fromEntries(
            weights.map(({ name, shape }) => [name, layers(name, shape) ?? { keep: 'dense', why: 'asked' }]),
          ),
        ),
        checkpoint: { name: 'made', fingerprint: await contentFingerprint(opened, new AbortController().signal) },
        ...(groups && { groups }),
      };
      const file = path.join(folder, `p${count++}.eigenplan.json`);
      writeFileSync(file, JSON.stringify(plan));
      return { plan, file, statistics };
    } finally {
      await opened.close();
    }
  }

  /** The dense model, the saved folder, and the plan. */
  async function compared(name: string, wanted: Wanted, layout: 'huggingface' | 'dense'): Promise<EvaluatedDecoder[]> {
    const model = golden(name);
    const { plan, file, statistics } = await planned(model, wanted);
    const target = path.join(folder, `saved${count++}`);
    await runInProcess(model, { plan, layout, target, statistics });
    const report: DecoderEvaluation = await evaluateDecoderFiles(
      { models: [model, target], plans: [file], statistics, tokens },
      () => undefined,
    );
    return [...report.models];
  }

  function assertEqual([dense, saved, plan]: readonly EvaluatedDecoder[]): void {
    assert.ok(saved!.kl! > 1e-5, 'the plan changes the model');
    for (const [key, a, b] of [
      ['perplexity', saved!.perplexity / dense!.perplexity, plan!.perplexity / dense!.perplexity],
      ['kl', saved!.kl!, plan!.kl!],
    ] as const) {
      assert.ok(Math.abs(a - b) <= 1e-6 * Math.max(1, a), `${key}: ${a} and ${b}`);
    }
    assert.deepEqual(plan!.intervals.kl!.length, 2);
  }

  const everywhere =
    (matching: RegExp, choice: LayerPlan): Wanted['layers'] =>
    (name) =>
      matching.test(name) ? choice : undefined;

  for (const [name, matching] of [
    ['llama', /_proj\.weight$/],
    ['gpt2', /c_(attn|fc|proj)\.weight$/],
  ] as const) {
    for (const method of ['svd', 'asvd', 'svd-llm', 'afm'] as const) {
      it(`${method} of ${name}`, async () => {
        assertEqual(await compared(name, { layers: everywhere(matching, { method, rank: 3 }) }, 'huggingface'));
      });
    }
  }

  it('the output matrix, which is looked up in parts', async () => {
    const layers = everywhere(/^lm_head\.weight$/, { method: 'svd', rank: 5 });
    assertEqual(await compared('llama', { layers }, 'huggingface'));
  });

  it('parts that are added up', async () => {
    const layers = everywhere(/(q|up)_proj\.weight$/, { method: 'quantise', quantiser: 'int4', block: 16 });
    assertEqual(await compared('llama', { layers }, 'dense'));
  });

  for (const [method, kind, rank, layout] of [
    ['nystrom', 'mlp', 15, 'huggingface'],
    ['vo', 'attention', 2, 'dense'],
    ['qk', 'attention', 2, 'dense'],
  ] as const) {
    it(`the group method ${method}`, async () => {
      const opened = await openModel(golden('llama'));
      const groups = groupsIn(opened.tensors).filter((group) => group.kind === kind);
      await opened.close();
      assert.equal(groups.length, 2);
      const plans = Object.fromEntries(groups.map((group) => [group.name, { method, rank } as const]));
      assertEqual(await compared('llama', { groups: plans }, layout));
    });
  }

  it('says what cannot be run', async () => {
    const model = golden('llama');
    const { file, statistics } = await planned(model, {
      layers: everywhere(/_proj\.weight$/, { method: 'svd-llm', rank: 3 }),
    });
    const run = (models: string[], given?: string) =>
      evaluateDecoderFiles(
        { models, plans: [file], tokens, ...(given !== undefined && { statistics: given }) },
        () => undefined,
      );
    await assert.rejects(run([model]), /needs statistics of the inputs.*--stats/);
    await assert.rejects(run([golden('mistral')], statistics), /plan is for another model|unknown|none of this model/);
  });
});
