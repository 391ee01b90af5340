/** Tensors packed for their way between processes, and unpacked: see `PackedTensors`. */
import type { CheckpointSummary, PackedSummary, PackedTensors, TensorKind, TensorSummary } from './protocol';

export function packSummary(summary: CheckpointSummary): PackedSummary {
  const { tensors } = summary;
  const kinds: TensorKind[] = [];
  const known = new Map<string, number>();
  const packed: PackedTensors = {
    names: tensors.map(({ name }) => name),
    kinds,
    kindOf: new Uint32Array(tensors.length),
    layers: [],
    sharedWith: [],
  };
  tensors.forEach(({ name, layers, sharedWith, ...kind }, index) => {
    const key = JSON.stringify(kind);
    let found = known.get(key);
    if (found === undefined) {
      found = kinds.push(kind) - 1;
      known.set(key, found);
    }
    packed.kindOf[index] = found;
    if (layers.length !== 1 || layers[0] !== name) packed.layers.push([index, layers]);
    if (sharedWith !== undefined) packed.sharedWith.push([index, sharedWith]);
  });
  return { ...summary, tensors: packed };
}

export function unpackSummary(summary: PackedSummary): CheckpointSummary {
  const { names, kinds, kindOf, layers, sharedWith } = summary.tensors;
  const tensors = names.map((name, index): TensorSummary => ({ name, layers: [name], ...kinds[kindOf[index]!]! }));
  for (const [index, own] of layers) tensors[index]!.layers = own;
  for (const [index, other] of sharedWith) tensors[index]!.sharedWith = other;
  return { ...summary, tensors };
}
