/** What a checkpoint's header says, as a session asks it: its summary, and the engine's jobs of each tensor. */
import { unpackSummary } from '../../shared/packedTensors';
import type { CheckpointSummary, PackedSummary, TensorSummary } from '../../shared/tensors';

export interface Contents {
  packed: PackedSummary;
  summary: CheckpointSummary;
  /** A tensor's name stands for its layers. */
  jobsOf: (name: string) => string[];
}

export function contentsOf(packed: PackedSummary): Contents {
  const summary = unpackSummary(packed);
  const several = summary.tensors.filter(({ layers }) => layers.length > 1);
  const layers = new Map(several.map((tensor) => [tensor.name, tensor.layers]));
  return { packed, summary, jobsOf: (name) => layers.get(name) ?? [name] };
}

/** The engine's jobs of a tensor: its layers, or the tensor itself where it has none. */
export function jobNames(tensor: TensorSummary): string[] {
  return tensor.layers.length > 0 ? tensor.layers : [tensor.name];
}
