/** What a plan's groups mean for an open checkpoint, and one of them made smaller. @see compressGroup */
import { elementSize } from '../../checkpoint/elements/dtype';
import { CompressionError } from '../../compression/compressionError';
import { groupsIn } from '../../compression/groups/findGroups';
import type { FloatDType } from '../../compression/narrow';
import type { StatisticsSource } from '../../compression/statistics/statisticsSource';
import type { PreparedLayout, Replaced, SavedWeight } from '../../compression/writers/writer';
import { product } from '../../shared/matrixAxes';
import type { MeasuredGroup } from '../../shared/compression/measured';
import type { CompressionPlan } from '../../shared/compression/plans';
import type { EngineDocument } from '../document/engineDocument';
import { compressGroup, foundGroup, type FoundGroup } from './compressGroup';
import type { ComputingParts } from './requestParts';
import { factoringCost } from './runProgress';

/**
 * In the plan's order.
 *
 * @throws CompressionError `invalid-plan`, `unsupported`
 */
export function planGroups(
  document: EngineDocument,
  { groups = {} }: CompressionPlan,
  weights: readonly SavedWeight[],
  dtype: FloatDType | undefined,
): FoundGroup[] {
  const all = groupsIn(document.checkpoint.tensors);
  const found = Object.entries(groups).map(([name, plan]) => foundGroup(document, all, name, plan, dtype));
  const taken = new Map(
    weights.map(({ tensor, layer }) => [tensor.name, `by a method of its own (layers["${layer}"])`]),
  );
  for (const { name, members } of found) {
    for (const { tensor } of members) {
      const other = taken.get(tensor.name);
      if (other !== undefined) {
        const reason = `${tensor.name} is compressed ${other}, too; keep it dense there, or take the group out of the plan`;
        throw new CompressionError('invalid-plan', reason, { layer: name });
      }
      taken.set(tensor.name, `in the group ${name}`);
    }
  }
  return found;
}

/** @throws CompressionError `unsupported`, `missing-statistics` */
export function assertGroups(
  groups: readonly FoundGroup[],
  layout: PreparedLayout,
  layoutName: string,
  statistics: string | undefined,
): void {
  const [group] = groups;
  if (!group) return;
  if (!layout.replaceGroup) {
    const reason = `${group.plan.method} makes modules smaller, which the layout ${layoutName} does not hold; save as huggingface or dense`;
    throw new CompressionError('unsupported', reason, { layer: group.name });
  }
  if (statistics !== undefined) return;
  throw new CompressionError(
    'missing-statistics',
    `the method ${group.plan.method} needs the Gram matrix of the inputs of ${group.measuredAt}; give a file of statistics`,
    { layer: group.name },
  );
}

/** Cost of making it smaller, as `factoringCost` counts. */
export function groupCost({ members }: FoundGroup): number {
  return members.reduce((sum, { outputs, inputs }) => sum + factoringCost(outputs, inputs), 0);
}

/** Bytes of the new tensors, at most: those of the old ones in the new dtype. */
export function groupBytes({ members, dtype }: FoundGroup): number {
  return members.reduce((sum, { tensor }) => sum + product(tensor.shape) * elementSize(dtype), 0);
}

/** Names of the tensors that the groups replace. */
export function groupTensors(groups: readonly FoundGroup[]): string[] {
  return groups.flatMap(({ members }) =>
    members.flatMap(({ tensor, bias }) => [tensor.name, ...(bias ? [bias.name] : [])]),
  );
}

/** @throws CompressionError, CheckpointError, AbortError */
export async function replacedGroup(
  parts: ComputingParts,
  document: EngineDocument,
  group: FoundGroup,
  layout: PreparedLayout,
  statistics: StatisticsSource,
  signal: AbortSignal,
  onProgress: (fraction: number) => void,
): Promise<{ replaced: Replaced; measured: MeasuredGroup }> {
  const given = await statistics.layer(group.measuredAt, signal);
  const reduced = await compressGroup(parts, document, group, given, signal, onProgress);
  const replaced = layout.replaceGroup!(group, reduced);
  const before = group.members.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  const after = reduced.modules.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  const stored = replaced.tensors.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return {
    replaced,
    measured: {
      ...{ layer: group.name, choice: group.plan },
      // No weight stands for another one here: what is lost is lost of the outputs, or of the scores.
      ...{ relative_error: reduced.error, metric_error: reduced.error, output_error: reduced.error },
      ...{ parameters: { before, after }, multiply_adds: { before, after } },
      bytes: { before: group.members.reduce((sum, { tensor }) => sum + tensor.byteLength, 0), after: stored },
      activations: 0,
      notes: reduced.notes,
      ...(reduced.saturated !== undefined && { saturated: reduced.saturated }),
    },
  };
}
