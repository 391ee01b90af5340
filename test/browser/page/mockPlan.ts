/** The layers of a plan as the engine gives them: made spectra that fall as powers, each layer with its own. */
import { preparePlan } from '../../../extension/compression/plan/planner';
import type { Assignment, AssignmentRequest } from '../../../extension/shared/compression/assignments';
import type { GroupOption } from '../../../extension/shared/compression/blockGroups';
import type { QuantisedSummary } from '../../../extension/shared/compression/quantisedCheckpoint';
import type { PlanSource } from '../../../extension/shared/compression/planSource';
import type { CompressionPlan, PlanLayer } from '../../../extension/shared/compression/plans';
import type { TensorSummary } from '../../../extension/shared/tensors';
import { random } from './mockModel';

/**
 * @param inspected how many layers have a spectrum, from the first on
 * @param blocks the layers are stored in blocks of half the size
 */
export function planSource(tensors: readonly TensorSummary[], inspected: number, blocks = false): PlanSource {
  const draw = random(11);
  const matrices = tensors.filter(({ layers }) => layers.length === 1);
  const layers = matrices.map((tensor, i): PlanLayer => {
    const [outputs = 1, inputs = 1] = tensor.shape;
    const power = 0.6 + 1.2 * draw();
    const alpha = 2 + 4 * draw();
    const known = i < inspected;
    return {
      ...{ name: tensor.name, outputs, inputs, storedBytes: tensor.bytes, elementBytes: 2 },
      ...(blocks && { storedBytes: tensor.bytes / 2, savedBytes: tensor.bytes }),
      block: /^(.*\.\d+)\./.exec(tensor.name)?.[1] ?? '',
      ...(/embed|lm_head/.test(tensor.name) && { leftOut: { why: 'is an embedding', always: false } }),
      ...(known && {
        eigenvalues: Float64Array.from({ length: Math.min(outputs, inputs) }, (_, at) => (at + 1) ** -power),
        ...{ alpha, alphaMid: alpha + 0.3, farmsAlpha: alpha - 0.2 },
      }),
    };
  });
  const total = (key: 'bytes' | 'parameters'): number =>
    tensors.filter(({ layers: { length } }) => length !== 1).reduce((sum, tensor) => sum + tensor[key], 0);
  return {
    checkpoint: { name: 'model.safetensors', fingerprint: 'made' },
    layers,
    rest: { bytes: total('bytes'), parameters: total('parameters') },
  };
}

/** A plan that a person wrote: uniform, one layer at a rank of its own. */
export function loadedPlan(tensors: readonly TensorSummary[]): CompressionPlan {
  const matrices = tensors.filter(({ layers }) => layers.length === 1);
  return {
    ...{ version: 1, checkpoint: { name: 'model.safetensors', fingerprint: 'made' } },
    ...{ target: { kind: 'parameters', value: 0.7 }, allocation: 'uniform', method: { method: 'svd' } },
    ...{ exclude: ['k_proj'], multiple: 8 },
    layers: Object.fromEntries(
      matrices.map(({ name }, i) => [
        name,
        i === 1 ? { method: 'svd', rank: 40 } : { keep: 'dense', why: 'said so by hand' },
      ]),
    ),
  };
}

/** A plan by integer programming: int8 for one layer, directions of another, the rest dense. */
export function loadedAssignment(tensors: readonly TensorSummary[]): CompressionPlan {
  const plan = loadedPlan(tensors);
  const [, first = '', second = ''] = Object.keys(plan.layers);
  return {
    ...{ ...plan, allocation: 'ilp', exclude: [] },
    layers: {
      ...plan.layers,
      ...{ [first]: { method: 'quantise', quantiser: 'int8' }, [second]: { method: 'svd', rank: 40 } },
    },
  };
}

/** As an assignment that was proved but for a hundredth. */
export function assignment(tensors: readonly TensorSummary[], request: AssignmentRequest): Assignment {
  const { layers, rest } = planSource(tensors, Infinity);
  const planned = preparePlan(layers, rest).allocate({ ...request, allocation: 'optimal', rebalance: true });
  return { layers: planned.layers, gap: 0.01, seconds: 1.25 };
}

/** Every MLP, and heads for value and output; how heads turn is not known. */
export function groupOptions(tensors: readonly TensorSummary[]): GroupOption[] {
  const blocks = [...new Set(tensors.flatMap(({ name }) => /^model\.layers\.\d+/.exec(name)?.[0] ?? []))];
  return blocks.flatMap((block): GroupOption[] => [
    {
      ...{ method: 'nystrom', name: `${block}.mlp`, most: 1376, measuredAt: `${block}.mlp.down_proj.weight` },
      members: ['gate', 'up', 'down'].map((role) => `${block}.mlp.${role}_proj.weight`),
    },
    { method: 'qk', name: `${block}.self_attn`, why: 'how its heads turn is not known here; leave qk out' },
  ]);
}

/** All but the first layer. */
export function quantisedSummary(tensors: readonly TensorSummary[], path: string | null): QuantisedSummary {
  const [first = '', ...layers] = tensors.flatMap((tensor) => tensor.layers);
  return {
    ...{ path: path ?? '/checkpoints/llama-58m-nf4/model.safetensors', format: 'safetensors', layers },
    missing: [{ layer: first, why: 'is not quantised there' }],
  };
}
