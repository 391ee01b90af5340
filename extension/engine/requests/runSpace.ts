/** How many bytes a run writes, from the plan alone. */
import { elementSize } from '../../checkpoint/elements/dtype';
import { choiceCost, denseCost } from '../../compression/plan/methodCosts';
import type { RunTarget } from '../../compression/run/runTarget';
import { checkFreeSpace } from '../../compression/saveTarget';
import { isStored } from '../../compression/storageNotes';
import type { PreparedLayout, SavedWeight, SaveJob } from '../../compression/writers/writer';
import type { FoundGroup } from './compressGroup';
import { groupBytes, groupTensors } from './planGroups';

/**
 * Everything that is written, and once more the pieces, which lie beside the files for a while; sizes of what is compressed
 * as planned.
 *
 * @param there bytes that an earlier run wrote, and that stay
 * @throws CompressionError `no-space`
 */
export async function assertSpace(
  target: RunTarget,
  job: SaveJob,
  groups: readonly FoundGroup[],
  layout: PreparedLayout,
  there: number,
): Promise<void> {
  const pieces = piecesBytes(job, groups, layout);
  await checkFreeSpace(target.path, Math.max(0, copiedBytes(job, groups, layout) + 2 * pieces - there));
}

/** Of new tensors, as planned. */
export function piecesBytes({ weights }: SaveJob, groups: readonly FoundGroup[], layout: PreparedLayout): number {
  return (
    weights.reduce((sum, weight) => sum + plannedBytes(weight, layout), 0) +
    groups.reduce((sum, group) => sum + groupBytes(group), 0)
  );
}

function plannedBytes(weight: SavedWeight, layout: PreparedLayout): number {
  if (layout.plannedBytes) return layout.plannedBytes(weight);
  const { outputs, inputs, dtype, choice } = weight;
  const elementBytes = elementSize(dtype);
  const dense = outputs * inputs * elementBytes;
  if (layout.form === 'product') return dense;
  const size = { outputs, inputs, elementBytes };
  return choiceCost(choice, size, denseCost(size, dense)).bytes;
}

/** Of tensors that are copied. */
export function copiedBytes(
  { checkpoint, weights, leftOut }: SaveJob,
  groups: readonly FoundGroup[],
  { alone }: PreparedLayout,
): number {
  if (alone) return 0;
  const own = weights.flatMap(({ tensor, twins }) => [tensor.name, ...twins]);
  const replaced = new Set([...own, ...groupTensors(groups)]);
  return checkpoint.tensors
    .filter((tensor) => isStored(tensor) && !replaced.has(tensor.name) && !leftOut.has(tensor.name))
    .reduce((sum, tensor) => sum + tensor.byteLength, 0);
}
