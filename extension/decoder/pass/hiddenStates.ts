/** Hidden states of all windows, in batches that run together; and how they begin: embeddings of the tokens. */
import { DecoderError } from '../decoderError';
import type { DecoderDescription } from '../families/family';
import { HIDDEN, OUT } from '../graphs/blockGraph';
import { LAST, productModel } from '../graphs/headGraph';
import type { WeightSource } from '../weights/weightSource';
import type { Sessions, Values } from './sessions';

/** Tokens that run together, in whole windows: enough for fast products, and what they need is small beside a block. */
const TOKENS_AT_ONCE = 2048;

/** Rows of the embedding that are read at a time although some between are not wanted. */
const GAP = 8;

/** Windows [first, first + count). */
export interface Batch {
  readonly first: number;
  readonly count: number;
  /** count·length × hidden. */
  states: Float32Array;
}

export function windowsAtOnce(length: number): number {
  return Math.max(1, Math.floor(TOKENS_AT_ONCE / length));
}

/**
 * The token ids of windows, checked.
 *
 * @throws DecoderError `invalid-tokens`, `missing-weights`
 */
export function assertWindows(
  windows: readonly Int32Array[],
  { embedding, positions }: DecoderDescription,
  source: WeightSource,
): void {
  const length = windows[0]?.length ?? 0;
  if (length < 2)
    throw new DecoderError('invalid-tokens', 'a window has at least 2 tokens, as the first is not scored');
  const vocabulary = source.tableSize(embedding.weight)?.rows;
  if (vocabulary === undefined) throw new DecoderError('missing-weights', `there is no matrix ${embedding.weight}`);
  for (const [index, window] of windows.entries()) {
    if (window.length !== length) {
      throw new DecoderError(
        'invalid-tokens',
        `window ${index + 1} has ${window.length} tokens, and the first ${length}`,
      );
    }
    const at = window.findIndex((id) => id < 0 || id >= vocabulary);
    if (at >= 0) {
      throw new DecoderError(
        'invalid-tokens',
        `token ${at + 1} of window ${index + 1} is ${window[at]}, but the model has ids from 0 to ${vocabulary - 1}; ` +
          'the ids are of another tokenizer',
      );
    }
  }
  const { positions: learned } = embedding;
  const rows = learned && source.tableSize(learned.weight)?.rows;
  const most = learned && rows !== undefined ? rows - learned.offset : Infinity;
  if (length > most) {
    throw new DecoderError(
      'invalid-tokens',
      `the model has ${positions ?? most} positions, and windows of ${length} tokens are longer; take shorter ones`,
    );
  }
}

/** @throws as `WeightSource` */
export async function embedded(
  windows: readonly Int32Array[],
  { embedding, hidden }: DecoderDescription,
  source: WeightSource,
  sessions: Sessions,
  signal?: AbortSignal,
): Promise<Batch[]> {
  const width = source.tableSize(embedding.weight)!.columns;
  const length = windows[0]!.length;
  const rows = await rowsOf(windows, embedding.weight, width, source, signal);
  const places = embedding.positions;
  const positions =
    places && (await source.table(places.weight, { start: places.offset, end: places.offset + length }, signal));
  const projection = embedding.project && (await source.linear(embedding.project, signal)).matrix;
  const scale = Math.fround(embedding.scale ?? 1);
  const step = windowsAtOnce(length);
  const batches: Batch[] = [];
  for (let first = 0; first < windows.length; first += step) {
    const some = windows.slice(first, first + step);
    const states = new Float32Array(some.length * length * width);
    for (const [index, id] of some.flatMap((window) => [...window]).entries()) states.set(rows.get(id)!, index * width);
    if (scale !== 1) for (let i = 0; i < states.length; i++) states[i] = states[i]! * scale;
    const values: Values = { data: states, dims: [some.length * length, width] };
    const wide = projection ? await multiplied(values, projection, sessions) : states;
    if (positions) for (let i = 0; i < wide.length; i++) wide[i] = wide[i]! + positions[i % (length * hidden)]!;
    batches.push({ first, count: some.length, states: wide });
  }
  return batches;
}

/** x·Wᵀ, of a pair in two products. */
export async function multiplied(
  x: Values,
  matrix: Awaited<ReturnType<WeightSource['linear']>>['matrix'],
  sessions: Sessions,
): Promise<Float32Array> {
  const times = async (values: Values, w: Float32Array, rows: number): Promise<Values> => {
    const weight = { data: w, dims: [rows, w.length / rows] };
    const results = await sessions.run('product', () => productModel(), { [HIDDEN]: values, [LAST.matrix]: weight }, [
      OUT,
    ]);
    return results[OUT];
  };
  if (matrix.kind === 'dense') return (await times(x, matrix.w, matrix.outputs)).data;
  return (await times(await times(x, matrix.right, matrix.rank), matrix.left, matrix.outputs)).data;
}

/** Rows of the embedding by token id: those that occur. */
async function rowsOf(
  windows: readonly Int32Array[],
  name: string,
  width: number,
  source: WeightSource,
  signal?: AbortSignal,
): Promise<Map<number, Float32Array>> {
  const ids = [...new Set(windows.flatMap((window) => [...window]))].sort((a, b) => a - b);
  const found = new Map<number, Float32Array>();
  for (let from = 0; from < ids.length;) {
    let to = from + 1;
    while (to < ids.length && ids[to]! - ids[to - 1]! <= GAP) to++;
    const start = ids[from]!;
    const table = await source.table(name, { start, end: ids[to - 1]! + 1 }, signal);
    for (; from < to; from++) {
      const at = (ids[from]! - start) * width;
      found.set(ids[from]!, table.slice(at, at + width));
    }
  }
  return found;
}
