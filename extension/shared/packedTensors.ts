/** Tensors packed for their way between processes, and unpacked: see `PackedTensors`. */
import type {
  CheckpointSummary,
  PackedNames,
  PackedSummary,
  PackedTensors,
  TensorKind,
  TensorSummary,
} from './tensors';

export function packSummary(summary: CheckpointSummary): PackedSummary {
  const { tensors } = summary;
  const kinds: TensorKind[] = [];
  const known = new Map<string, number>();
  const aliases = packAliases(tensors);
  const packed: PackedTensors = {
    names: packNames(tensors.map(({ name }) => name)),
    ...(aliases && { aliases }),
    kinds,
    kindOf: new Uint32Array(tensors.length),
    layers: [],
    sharedWith: [],
  };
  tensors.forEach((tensor, index) => {
    const { name, layers, sharedWith } = tensor;
    const key = kindKey(tensor);
    let found = known.get(key);
    if (found === undefined) {
      found = kinds.push(kindOf(tensor)) - 1;
      known.set(key, found);
    }
    packed.kindOf[index] = found;
    if (layers.length !== 1 || layers[0] !== name) packed.layers.push([index, layers]);
    if (sharedWith !== undefined) packed.sharedWith.push([index, sharedWith]);
  });
  return { ...summary, tensors: packed };
}

function kindOf({ name: _, alias: __, layers: ___, sharedWith: ____, ...kind }: TensorSummary): TensorKind {
  return kind;
}

/** All fields of the kind in one string. JSON of them would take longer than reading the header that they come from. */
function kindKey({ group, shape, dtype, encoding, parameters, bytes, noSpectrum, notModel }: TensorKind): string {
  // The group is free text: its length tells where it ends.
  const sizes = `${shape.join()} ${dtype} ${parameters} ${bytes}`;
  return `${sizes} ${group.length} ${group} ${encoding ?? ''}\n${notModel ?? ''}\n${noSpectrum ?? ''}`;
}

export function unpackSummary(summary: PackedSummary): CheckpointSummary {
  const { names, aliases, kinds, kindOf, layers, sharedWith } = summary.tensors;
  const tensors = unpackNames(names).map((name, index): TensorSummary => ({
    name,
    layers: [name],
    ...kinds[kindOf[index]!]!,
  }));
  if (aliases) unpackNames(aliases.names).forEach((alias, i) => (tensors[aliases.of[i]!]!.alias = alias));
  for (const [index, own] of layers) tensors[index]!.layers = own;
  for (const [index, other] of sharedWith) tensors[index]!.sharedWith = other;
  return { ...summary, tensors };
}

function packAliases(tensors: readonly TensorSummary[]): PackedTensors['aliases'] {
  const of: number[] = [];
  const names: string[] = [];
  tensors.forEach(({ alias }, index) => {
    if (alias === undefined) return;
    of.push(index);
    names.push(alias);
  });
  return of.length === 0 ? undefined : { of: Uint32Array.from(of), names: packNames(names) };
}

function packNames(names: readonly string[]): PackedNames {
  const shared = new Uint32Array(names.length);
  const added = new Uint32Array(names.length);
  const parts: string[] = [];
  let before = '';
  names.forEach((name, index) => {
    let same = 0;
    while (same < name.length && name.charCodeAt(same) === before.charCodeAt(same)) same++;
    shared[index] = same;
    added[index] = name.length - same;
    parts.push(name.slice(same));
    before = name;
  });
  return { shared, added, text: parts.join('') };
}

function unpackNames(names: PackedNames): string[] {
  return Array.from(namesOf(names));
}

/** The names one by one, for who must not be held up by all of them. */
export function* namesOf({ shared, added, text }: PackedNames): Generator<string> {
  let start = 0;
  let name = '';
  for (const [index, same] of shared.entries()) {
    const end = start + added[index]!;
    name = name.slice(0, same) + text.slice(start, end);
    start = end;
    yield name;
  }
}

/** @returns the tensors by index, each made when it is asked for. @param names as `namesOf` gives them */
export function tensorsByIndex(
  { kinds, kindOf, layers, sharedWith }: PackedTensors,
  names: readonly string[],
  aliases: ReadonlyMap<number, string>,
): (index: number) => TensorSummary {
  const layersOf = new Map(layers);
  const twinOf = new Map(sharedWith);
  return (index) => {
    const name = names[index]!;
    const alias = aliases.get(index);
    const twin = twinOf.get(index);
    return {
      name,
      ...(alias !== undefined && { alias }),
      layers: layersOf.get(index) ?? [name],
      ...kinds[kindOf[index]!]!,
      ...(twin !== undefined && { sharedWith: twin }),
    };
  };
}
