/**
 * The same weight in a quantised checkpoint: under its own name, or under llama.cpp's in a GGUF file, whose rows are brought
 * into the order that Hugging Face's models have.
 */
import { elementSize, widen } from '../../checkpoint/elements/dtype';
import { huggingFaceExperts } from '../../checkpoint/gguf/ggufNames';
import { ggufRowOrder, unpairedRows } from '../../checkpoint/gguf/ggufRowOrder';
import { CompressionError } from '../../compression/compressionError';
import type { StoredElements } from '../../compression/layerElements';
import type { EngineDocument } from '../document/engineDocument';
import { EngineError } from '../layer/engineLayer';
import { layerRows } from '../layer/layerInput';
import { choiceMatrix, compressibleMatrix } from './compressLayer';

export interface QuantisedWeight {
  /** Of the layer in the quantised checkpoint. */
  readonly name: string;
  /** As it lies there. */
  readonly rows: number;
  readonly cols: number;
  /** It lies there out × in, and in × out here, or the other way round. */
  readonly turned: boolean;
  /** A square expert of a stack, whose shape does not tell whether it is turned. */
  readonly mayBeTurned?: true;
  /** Heads whose rows are paired there. */
  readonly heads?: number;
}

/** Words that follow the layer's name and `there`; and what to do, if it is another thing than usual. */
export interface NotQuantised {
  readonly why: string;
  readonly remedy?: string;
}

export const USUAL_REMEDY = 'give a quantised form of the same model';

/** Names that other programs give the layers of a GGUF file. */
const aliases = new WeakMap<EngineDocument, ReadonlyMap<string, string>>();

/** @returns the weight, or why it cannot be used, in words that follow the layer's name and `there` */
export function quantisedWeight(
  document: EngineDocument,
  quantised: EngineDocument,
  layer: string,
): QuantisedWeight | NotQuantised {
  const same = quantised.layers.has(layer);
  const name = same ? layer : aliasesOf(quantised).get(layer);
  if (name === undefined) return notThere(document, quantised, layer);
  try {
    const { tensor, geometry } = quantised.layer(name);
    if (same && geometry?.expert !== undefined) return sameExpert(document, quantised, layer);
    // Between two names of one format nothing else is turned.
    const [ours, theirs] = same
      ? [document, quantised].map((each) => ({ ...compressibleMatrix(each.layer(layer), layer), inputsFirst: false }))
      : [choiceMatrix(document, layer), choiceMatrix(quantised, name)];
    const { rows, cols } = theirs;
    const turned = ours.inputsFirst !== theirs.inputsFirst;
    const [alike, wide] = turned ? [cols, rows] : [rows, cols];
    if (ours.rows !== alike || ours.cols !== wide) {
      return { why: `is ${alike} × ${wide} there, and ${ours.rows} × ${ours.cols} here` };
    }
    if (same) return { name, rows, cols, turned };
    const order = ggufRowOrder(tensor.name, rows, quantised.checkpoint.metadata);
    if (order.kind === 'unknown') return { why: order.why };
    return { name, rows, cols, turned, ...(order.kind === 'paired' && { heads: order.heads }) };
  } catch (error) {
    if (!(error instanceof EngineError || error instanceof CompressionError)) throw error;
    return { why: error instanceof CompressionError ? error.reason : error.message };
  }
}

/** One expert of a stack: programs differ in how they lie. gpt-oss's are in × out in the dense model, and out × in in blocks. */
function sameExpert(document: EngineDocument, quantised: EngineDocument, name: string): QuantisedWeight | NotQuantised {
  const [ours, theirs] = [document, quantised].map((each) => compressibleMatrix(each.layer(name), name));
  const { rows, cols } = theirs!;
  const is = ours!.rows === rows && ours!.cols === cols;
  const turned = ours!.rows === cols && ours!.cols === rows;
  if (!is && !turned) return { why: `is ${rows} × ${cols} there, and ${ours!.rows} × ${ours!.cols} here` };
  return { name, rows, cols, turned: !is, ...(is && turned && { mayBeTurned: true }) };
}

/** An adapter has the names and the rows of the checkpoint that it belongs to. */
function notThere(document: EngineDocument, quantised: EngineDocument, layer: string): NotQuantised {
  const [ours, theirs] = [document.checkpoint.format, quantised.checkpoint.format];
  const alias = document.aliasOf(layer);
  if (ours !== 'gguf' || theirs === 'gguf' || alias === undefined || !quantised.layers.has(alias)) {
    return { why: 'is not there' };
  }
  return {
    why: `is ${alias} there, and an adapter for it needs that name and order of rows; this GGUF file has llama.cpp’s`,
    remedy: 'open the dense model in the format of the quantised one',
  };
}

/** @throws CompressionError `unsupported`, as `quantisedWeight` has it */
export function assertQuantised(document: EngineDocument, quantised: EngineDocument, layer: string): QuantisedWeight {
  const found = quantisedWeight(document, quantised, layer);
  if (!('why' in found)) return found;
  throw new CompressionError(
    'unsupported',
    `in the quantised checkpoint ${quantised.checkpoint.path} it ${found.why}; ${found.remedy ?? USUAL_REMEDY}`,
    { layer, file: document.checkpoint.path },
  );
}

/**
 * Its elements, as the layer's own lie.
 *
 * @param own elements of the layer
 * @throws CompressionError `unsupported` if the rows plainly lie in another order; CheckpointError, AbortError
 */
export async function quantisedElements(
  quantised: EngineDocument,
  { name, rows, cols, turned, mayBeTurned, heads }: QuantisedWeight,
  own: StoredElements,
  signal: AbortSignal,
): Promise<StoredElements> {
  const { tensor, geometry } = quantised.layer(name);
  const { dtype } = tensor;
  const bytes = await quantised.checkpoint.read(tensor, layerRows(tensor, geometry), signal);
  const there = heads === undefined ? bytes : unpairedRows(bytes, rows, heads);
  const base = { layer: name, dtype, rows: own.rows, cols: own.cols };
  if (mayBeTurned) {
    // What was quantised is near to one of them, and to the other only if it is symmetric.
    const other = { ...base, bytes: turnedElements(there, rows, cols, elementSize(dtype)) };
    const straight = { ...base, bytes: there };
    return distance(own, other, rows) < distance(own, straight, rows) ? other : straight;
  }
  const placed = { ...base, bytes: turned ? turnedElements(there, rows, cols, elementSize(dtype)) : there };
  if (heads !== undefined && !turned) {
    const head = rows / heads;
    if (distance(own, placed, head) > distance(own, { ...base, bytes }, head)) {
      throw new CompressionError(
        'unsupported',
        `its rows lie as those of ${name} in ${quantised.checkpoint.path} do, which llama.cpp writes in another order than ` +
          'Hugging Face’s models have; one of the two was not made by the usual conversion: convert it anew',
        { layer: own.layer },
      );
    }
  }
  return placed;
}

function aliasesOf(document: EngineDocument): ReadonlyMap<string, string> {
  const known = aliases.get(document);
  if (known) return known;
  const found = new Map<string, string>();
  if (document.checkpoint.format === 'gguf') {
    const architecture = document.checkpoint.metadata['general.architecture'] ?? '';
    for (const [name, { tensor, geometry }] of document.layers) {
      const alias = document.aliasOf(name);
      const { expert } = geometry ?? {};
      // A stack of gates and ups in one is no one matrix of llama.cpp's.
      const experts = expert === undefined ? [] : huggingFaceExperts(tensor.name, architecture, expert);
      const names = [
        ...(alias === undefined ? [] : [alias]),
        ...experts.filter((each) => !each.includes('gate_up_proj')),
      ];
      // A base model is saved without the name of what holds it.
      for (const each of names.flatMap((full) => [full, full.replace(/^(model|transformer|gpt_neox)\./, '')])) {
        if (!found.has(each)) found.set(each, name);
      }
    }
  }
  aliases.set(document, found);
  return found;
}

/** Squared, over the first rows. */
function distance(a: StoredElements, b: StoredElements, rows: number): number {
  const [ours, theirs] = [a, b].map(({ bytes, dtype, cols }) =>
    widen(bytes.subarray(0, rows * cols * elementSize(dtype)), dtype),
  );
  return ours!.reduce((sum, value, index) => sum + (value - theirs![index]!) ** 2, 0);
}

function turnedElements(bytes: Uint8Array, rows: number, cols: number, size: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const from = (row * cols + col) * size;
      result.set(bytes.subarray(from, from + size), (col * rows + row) * size);
    }
  }
  return result;
}
