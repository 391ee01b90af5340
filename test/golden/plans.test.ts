/** Allocations beside other programs' ratios, and the optimal one beside all others on every reference checkpoint. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { widen } from '../../extension/checkpoint/elements/dtype';
import { openModel } from '../../extension/checkpoint/openModel';
import { compressionMatrix } from '../../extension/compression/compressionMatrix';
import { scaledRatios, unscaledRatios } from '../../extension/compression/plan/alphaRatios';
import { preparePlan } from '../../extension/compression/plan/planner';
import type { AllocatedPlan, PlanRequest } from '../../extension/compression/plan/planRequest';
import type { PlanLayer } from '../../extension/shared/compression/plans';
import { CHECKPOINT_ENDINGS } from '../../extension/shared/names/checkpointNames';
import { layersOf } from '../../extension/spectral/matrices';
import { goldenFiles, type Golden } from '../harness/golden';
import { sharedFolder } from '../harness/shared';
import { eigenvaluesOf } from './spectra';
import layerRatios from './layerRatios.json';

/** Larger matrices take seconds each here, and their plans are no other. */
const MOST_ELEMENTS = 600 * 600;

/** The programs compute in float32. */
const FLOAT32 = 1e-6;

interface RatioCase {
  sparsity: number;
  epsilon: number;
  block_wise: boolean;
  ratios: number[];
}

function assertRatios(alphas: number[], parameters: number[], names: string[], each: RatioCase): void {
  const layers = alphas.map((alpha, l) => ({
    alpha,
    parameters: parameters[l]!,
    ...(each.block_wise && { block: /layers\.\d+/.exec(names[l]!)![0] }),
  }));
  const ours = scaledRatios(unscaledRatios(layers, each.epsilon), parameters, each.sparsity);
  each.ratios.forEach((ratio, l) =>
    assert.ok(Math.abs(ours[l]! - ratio) <= FLOAT32, `${names[l]}: ${ours[l]} is not ${ratio}`),
  );
}

const shared = sharedFolder;
if (shared === undefined) {
  console.log('The golden numbers are not beside the repository: no comparison of plans.');
} else {
  const read = (name: string): unknown => JSON.parse(readFileSync(path.join(shared, 'golden', name), 'utf8'));

  describe('golden layer ratios', () => {
    it('are those that AlphaPruning’s program gives for alphas of a small model', () => {
      const { alpha_pruning: golden } = read('allocation.json') as {
        alpha_pruning: { layers: string[]; parameters: number[]; alpha: number[]; cases: RatioCase[] };
      };
      assert.ok(golden.cases.length >= 12);
      for (const each of golden.cases) assertRatios(golden.alpha, golden.parameters, golden.layers, each);
    });

    // llama-7b-alpha.json has alphas and no ratios: FARMS and AlphaPruning published none for single layers. So the formula
    // is compared on these alphas, and not a published number.
    it('follow AlphaPruning’s formula, in numpy, for the alphas published for LLaMA-7B, which come without ratios', () => {
      const golden = read('llama-7b-alpha.json') as Record<string, number[]> & { layers: string[] };
      const parameters = golden.layers.map((name) => 4096 * (name.includes('self_attn') ? 4096 : 11008));
      for (const each of layerRatios.cases) assertRatios(golden[each.metric]!, parameters, golden.layers, each);
    });

    it('decide the ranks of a plan by farms-alpha and by alphapruning: the largest that keep no more than is left', () => {
      const golden = read('llama-7b-alpha.json') as Record<string, number[]> & { layers: string[] };
      assert.ok(layerRatios.cases.some(({ metric }) => metric.startsWith('farms')));
      for (const each of layerRatios.cases) {
        const farms = each.metric.startsWith('farms');
        const layers = golden.layers.map((name, l) => llamaLayer(name, golden[each.metric]![l]!, farms));
        const { layers: plans, totals } = preparePlan(layers, { bytes: 0, parameters: 0 }).allocate({
          ...{ allocation: farms ? 'farms-alpha' : 'alphapruning', method: { method: 'svd' }, multiple: 1 },
          ...{ target: { kind: 'parameters', value: 1 - each.sparsity } },
          ...{ epsilon: each.epsilon, perBlock: each.block_wise },
        });
        const all = layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
        // Ranks are whole: the planner may give away what rounding down leaves, by a scale that is a little larger.
        assert.ok(totals.parameters.after <= (1 - each.sparsity) * all);
        for (const [l, { name, outputs, inputs }] of layers.entries()) {
          const plan = plans[name]!;
          assert.ok('rank' in plan, name);
          const exact = ((1 - each.ratios[l]!) * outputs * inputs) / (outputs + inputs);
          assert.ok(plan.rank! - exact > -1 && plan.rank! - exact < 1.5, `${name}: ${plan.rank} beside ${exact}`);
        }
      }
    });
  });

  describe('the optimal allocation on the reference checkpoints', function () {
    this.timeout(300_000);
    const files = goldenFiles(shared, CHECKPOINT_ENDINGS);
    for (const { golden } of new Map(files.map((file) => [file.golden.checkpoint, file])).values()) {
      it(golden.checkpoint, async () => {
        const layers = await planLayers(path.join(shared, 'checkpoints', golden.checkpoint), golden);
        if (layers.length === 0) return;
        const planner = preparePlan(layers, { bytes: 0, parameters: 0 });
        for (const multiple of [1, 8] as const)
          for (const value of [0.3, 0.5, 0.8]) compare(planner.allocate.bind(planner), multiple, value);
      });
    }
  });
}

/** A layer of LLaMA-7B that was not inspected but for its alpha. */
function llamaLayer(name: string, alpha: number, farms: boolean): PlanLayer {
  const width = name.includes('self_attn') ? 4096 : 11008;
  const [outputs, inputs] = name.includes('down_proj') ? [4096, width] : [width, 4096];
  return {
    ...{ name, outputs, inputs, storedBytes: 2 * outputs * inputs, elementBytes: 2 },
    ...{ block: /.*layers\.\d+/.exec(name)![0], ...(farms ? { farmsAlpha: alpha } : { alphaMid: alpha }) },
  };
}

type Allocate = (request: PlanRequest) => AllocatedPlan;

function compare(allocate: Allocate, multiple: 1 | 8, value: number): void {
  const plain = { method: { method: 'svd' }, multiple } as const;
  for (const allocation of ['uniform', 'welore', 'alphapruning', 'farms-alpha'] as const) {
    const other = allocate({ ...plain, allocation, target: { kind: 'parameters', value } });
    const { before, after } = other.totals.parameters;
    const target = { kind: 'parameters', value: after / before } as const;
    const optimal = allocate({ ...plain, allocation: 'optimal', target });
    assert.ok(optimal.totals.parameters.after <= after);
    const [ours, theirs] = [optimal.totals.error!, other.totals.error!];
    assert.ok(
      ours <= theirs * (1 + 1e-12),
      `${allocation} at ${value}, multiple ${multiple}: ${ours} is above ${theirs}`,
    );
  }
}

async function planLayers(file: string, golden: Golden): Promise<PlanLayer[]> {
  const checkpoint = await openModel(file);
  try {
    const found: PlanLayer[] = [];
    for (const tensor of checkpoint.tensors) {
      for (const { name, expert, axes } of layersOf(tensor).layers) {
        if (axes || tensor.unreadable !== undefined) continue;
        const { rows, cols, offset } = compressionMatrix(tensor.shape, tensor.kernelLayout, expert);
        if (rows * cols > MOST_ELEMENTS) continue;
        const elements = widen(await checkpoint.read(tensor), tensor.dtype).slice(offset, offset + rows * cols);
        const alphas = golden.layers[name];
        found.push({
          name,
          outputs: rows,
          inputs: cols,
          storedBytes: 4 * rows * cols,
          elementBytes: 4,
          block: '',
          eigenvalues: eigenvaluesOf(elements, rows, cols).reverse(),
          alphaMid: alphas?.fits?.xmin_mid?.alpha ?? null,
          farmsAlpha: alphas?.farms[0]?.alpha ?? null,
        });
      }
    }
    return found;
  } finally {
    await checkpoint.close();
  }
}
