/**
 * The two factors of a layer in a copy that Eigenscope saved as modules 0 and 1 of a Sequential: the note in the metadata
 * names them, in the order of their product (`compression/compressionNote.ts`).
 */
import { NOTE_KEY } from '../../shared/compression/savedNote';
import { product } from '../../shared/matrixAxes';
import type { TensorInfo } from '../checkpoint';
import { isFloating } from '../elements/dtype';
import { elementCount } from '../elements/shape';
import { isObject } from '../files/jsonFile';
import { madeInfo, productOf, type MadeWeight, type ReadPart } from './madeWeights';

/** Copies of copies that are looked into. */
const MAX_PREVIOUS = 16;

/** Layers of all notes: more are no note of ours. */
const MAX_LAYERS = 100_000;

interface NotedLayer {
  readonly layer: string;
  readonly names: readonly [left: string, right: string];
  readonly transposed: string | undefined;
}

export function hasNote(metadata: Readonly<Record<string, string>>): boolean {
  return Object.hasOwn(metadata, NOTE_KEY);
}

export function notedFactors(
  tensors: readonly TensorInfo[],
  metadata: Readonly<Record<string, string>>,
  refuse: (tensor: string, message: string) => void,
): MadeWeight[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const made = new Map<string, MadeWeight>();
  for (const noted of notedLayers(metadata[NOTE_KEY])) {
    const weight = madeFactors(noted, byName);
    // The last note is the first one that is read.
    if (typeof weight !== 'string') made.set(noted.layer, made.get(noted.layer) ?? weight);
    else refuse(noted.names.find((name) => byName.has(name)) ?? noted.layer, weight);
  }
  return [...made.values()];
}

/** Layers that the note, and those before it, say are factored. */
function notedLayers(text: string | undefined): NotedLayer[] {
  const found: NotedLayer[] = [];
  let note = parsed(text);
  for (let depth = 0; isObject(note) && depth < MAX_PREVIOUS; depth++) {
    const layers: readonly unknown[] = Array.isArray(note.layers) ? note.layers : [note];
    for (const each of layers) {
      if (found.length >= MAX_LAYERS || !isObject(each) || !isObject(each.weight)) continue;
      const { layer } = each;
      const { product: names, transposed } = each.weight;
      const [left, right] = Array.isArray(names) ? (names as unknown[]) : [];
      if (typeof layer !== 'string' || typeof left !== 'string' || typeof right !== 'string') continue;
      found.push({ layer, names: [left, right], transposed: typeof transposed === 'string' ? transposed : undefined });
    }
    note = note.previous;
  }
  return found;
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    // Another program's word under this key.
    return undefined;
  }
}

/** @returns why it cannot be, in words */
function madeFactors(
  { layer, names, transposed }: NotedLayer,
  byName: ReadonlyMap<string, TensorInfo>,
): MadeWeight | string {
  const [left, right] = names.map((name) => byName.get(name));
  if (!left || !right)
    return `is noted as a factor of ${layer}, but ${names[left ? 1 : 0]} is not there: their product cannot be shown`;
  const shapes = `[${left.shape.join(', ')}] and [${right.shape.join(', ')}]`;
  if (byName.has(layer))
    return `is noted as a factor of ${layer}, which is there beside it: their product is not shown`;
  if (![left, right].every(({ dtype, unreadable }) => isFloating(dtype) && unreadable === undefined)) {
    return `is noted as a factor of ${layer}, but ${shapes} are not both floating-point numbers that can be read`;
  }
  const turned = { left: transposed === left.name, right: transposed === right.name };
  const form = formOf(left, right, turned);
  if (!form || typeof elementCount(form.shape) === 'string')
    return `is noted as a factor of ${layer}, but ${shapes} have no product`;
  const { shape, rank } = form;
  const common = {
    ...{ name: layer, group: left.group, shape, encoding: `A·B r=${rank}`, kernelLayout: left.kernelLayout },
    ...(left.inputsFirst && { inputsFirst: true as const }),
  };
  if (form.rows) return { info: madeInfo(common, { madeOf: [left, right] }), rows: form.rows, hidesParts: true };
  const factors = productOf(
    { tensor: left, transposed: turned.left },
    { tensor: right, transposed: turned.right },
    rank,
  );
  return { info: madeInfo(common, factors), hidesParts: true };
}

interface Form {
  readonly shape: readonly number[];
  readonly rank: number;
  /** Where the rank is not the second axis of the left factor. */
  readonly rows?: MadeWeight['rows'];
}

function formOf(left: TensorInfo, right: TensorInfo, turned: { left: boolean; right: boolean }): Form | undefined {
  const matrices = left.shape.length === 2 && right.shape.length === 2;
  if ((turned.left || turned.right) && !matrices) return undefined;
  if ([...left.shape, ...right.shape].includes(0)) return undefined;
  const [rows, rank, ...ones] = turned.left ? left.shape.toReversed() : left.shape;
  const [first, ...inner] = turned.right ? right.shape.toReversed() : right.shape;
  if (rows === undefined || rank === undefined || inner.length === 0) return undefined;
  if (rank === first && ones.every((size) => size === 1) && (matrices || left.kernelLayout === 'OI…')) {
    return { shape: [rows, ...inner], rank };
  }
  // Kernels whose last axis are the outputs: k filters, then 1 × 1.
  const last = left.shape.at(-1)!;
  const spatial = right.shape.slice(0, -2);
  if (left.kernelLayout !== '…IO' || right.shape.at(-2) !== last || spatial.some((size) => size !== 1))
    return undefined;
  const shape = [...left.shape.slice(0, -1), right.shape.at(-1)!];
  return { shape, rank: last, rows: (range, read) => kernelRows(left, right, range, read) };
}

/** (…, in × k) times (k × out). */
async function kernelRows(
  left: TensorInfo,
  right: TensorInfo,
  range: { start: number; end: number },
  read: ReadPart,
): Promise<Float64Array> {
  const [a, b] = [await read(left, range), await read(right)];
  const rank = left.shape.at(-1)!;
  const outputs = right.shape.at(-1)!;
  const places = (range.end - range.start) * product(left.shape.slice(1, -1));
  const sum = new Float64Array(places * outputs);
  for (let place = 0; place < places; place++) {
    for (let k = 0; k < rank; k++) {
      const factor = a[place * rank + k]!;
      for (let j = 0; j < outputs; j++)
        sum[place * outputs + j] = sum[place * outputs + j]! + factor * b[k * outputs + j]!;
    }
  }
  return sum;
}
