/**
 * What LoHa and LoKr add to a weight. LoHa: (A₁B₁) ∘ (A₂B₂), entry by entry. LoKr: W₁ ⊗ W₂, each a matrix or a product of
 * two. Convolutions may have a core: Σᵢⱼ t[i, j]·a[i]·b[j] for each kernel position. Scaled by α/r.
 *
 * @see https://github.com/huggingface/peft peft/tuners/loha/layer.py, peft/tuners/lokr/layer.py (`get_delta_weight`)
 * @see https://github.com/KohakuBlueleaf/LyCORIS lycoris/modules/loha.py, lycoris/modules/lokr.py
 */
import { addProduct } from '../parts/product';
import type { TensorInfo } from '../checkpoint';
import type { RowRange } from '../elements/rowBand';
import type { ReadPart } from './madeWeights';

/** Rows of a made tensor, its shape, and the rank that α is divided by; undefined if nothing has a rank. */
export interface AddedWeight {
  readonly shape: readonly number[];
  readonly rank: number | undefined;
  rows(range: RowRange, read: ReadPart): Promise<Float64Array>;
}

export type Members = Readonly<Record<string, TensorInfo>>;

/** @returns why the tensors are no LoHa, in words */
export function lohaWeight({ w1_a, w1_b, w2_a, w2_b, t1, t2 }: Members): AddedWeight | string {
  if (!w1_a || !w1_b || !w2_a || !w2_b) return 'not all of hada_w1_a, hada_w1_b, hada_w2_a and hada_w2_b are there';
  if (!t1 !== !t2) return 'one of hada_t1 and hada_t2 is not there';
  const [first, second] = [factored(w1_a, w1_b, t1), factored(w2_a, w2_b, t2)];
  if (!first || !second || first.shape.join() !== second.shape.join()) {
    return `their shapes make no product: ${shapesOf([w1_a, w1_b, w2_a, w2_b, t1, t2])}`;
  }
  return {
    shape: first.shape,
    rank: first.rank,
    async rows(range, read) {
      const [one, other] = [await first.rows(range, read), await second.rows(range, read)];
      return one.map((value, i) => value * other[i]!);
    },
  };
}

/** @returns why the tensors are no LoKr, in words */
export function lokrWeight({ w1, w1_a, w1_b, w2, w2_a, w2_b, t2 }: Members): AddedWeight | string {
  const left = w1 ? plain(w1) : w1_a && w1_b && factored(w1_a, w1_b);
  const right = w2 ? plain(w2) : w2_a && w2_b && factored(w2_a, w2_b, t2);
  if ((!w1 && !(w1_a && w1_b)) || (!w2 && !(w2_a && w2_b))) return 'a part of lokr_w1 or lokr_w2 is not there';
  if ((w1 && (w1_a ?? w1_b)) || (w2 && (w2_a ?? w2_b ?? t2)))
    return 'lokr_w1 or lokr_w2 is there as a whole and in factors';
  if (left?.shape.length !== 2 || !right || (right.shape.length !== 2 && right.shape.length !== 4)) {
    return `their shapes make no Kronecker product: ${shapesOf([w1, w1_a, w1_b, w2, w2_a, w2_b, t2])}`;
  }
  const [a, b] = left.shape as [number, number];
  const [c, d, ...kernel] = right.shape as [number, number, ...number[]];
  const positions = kernel.reduce((product, size) => product * size, 1);
  const width = d * positions;
  return {
    shape: [a * c, b * d, ...kernel],
    rank: left.rank ?? right.rank,
    async rows({ start, end }, read) {
      const outer = await left.rows({ start: 0, end: a }, read);
      // Rows of one block of W₂ alone, where no more is asked for.
      const within = Math.floor(start / c) === Math.floor((end - 1) / c);
      const first = within ? start % c : 0;
      const inner = await right.rows(within ? { start: first, end: first + end - start } : { start: 0, end: c }, read);
      const result = new Float64Array((end - start) * b * width);
      for (let row = start, at = 0; row < end; row++) {
        const from = ((row % c) - first) * width;
        for (let j = 0; j < b; j++) {
          const factor = outer[Math.floor(row / c) * b + j]!;
          for (let k = 0; k < width; k++, at++) result[at] = factor * inner[from + k]!;
        }
      }
      return result;
    },
  };
}

function shapesOf(tensors: readonly (TensorInfo | undefined)[]): string {
  return tensors.flatMap((tensor) => (tensor ? [`[${tensor.shape.join(', ')}]`] : [])).join(', ');
}

function plain(tensor: TensorInfo): AddedWeight | undefined {
  const { shape } = tensor;
  if (shape.length < 2 || shape.includes(0)) return undefined;
  return { shape, rank: undefined, rows: (range, read) => read(tensor, range) };
}

/** A·B of out × r and r × in, or with a core of r × r × kernel, r × out and r × in. */
function factored(a: TensorInfo, b: TensorInfo, core?: TensorInfo): AddedWeight | undefined {
  if (a.shape.length !== 2 || b.shape.length !== 2 || [...a.shape, ...b.shape, ...(core?.shape ?? [])].includes(0)) {
    return undefined;
  }
  const [rank, inputs] = b.shape as [number, number];
  if (!core) {
    if (a.shape[1] !== rank) return undefined;
    const rows: AddedWeight['rows'] = async (range, read) => {
      const sum = new Float64Array((range.end - range.start) * inputs);
      addProduct(sum, await read(a, range), await read(b), rank, inputs);
      return sum;
    };
    return { shape: [a.shape[0]!, inputs], rank, rows };
  }
  const [rankOfA = 0, rankOfB, ...kernel] = core.shape;
  if (kernel.length !== 2 || rankOfA !== a.shape[0] || rankOfB !== rank) return undefined;
  const outputs = a.shape[1]!;
  const width = inputs * kernel[0]! * kernel[1]!;
  const rows: AddedWeight['rows'] = async ({ start, end }, read) => {
    const [turned, right] = [await read(a), coreTimes(await read(core), await read(b), rankOfA, inputs)];
    const left = new Float64Array((end - start) * rankOfA);
    for (let row = start; row < end; row++) {
      for (let i = 0; i < rankOfA; i++) left[(row - start) * rankOfA + i] = turned[i * outputs + row]!;
    }
    const sum = new Float64Array((end - start) * width);
    addProduct(sum, left, right, rankOfA, width);
    return sum;
  };
  return { shape: [outputs, inputs, ...kernel], rank, rows };
}

/** Σⱼ t[i, j, position]·b[j, input], as (first axis of t) × (inputs·positions). */
function coreTimes(core: Float64Array, b: Float64Array, first: number, inputs: number): Float64Array {
  const second = b.length / inputs;
  const positions = core.length / (first * second);
  const result = new Float64Array(first * inputs * positions);
  for (let i = 0; i < first; i++) {
    for (let j = 0; j < second; j++) {
      for (let input = 0; input < inputs; input++) {
        const factor = b[j * inputs + input]!;
        const from = (i * second + j) * positions;
        const to = (i * inputs + input) * positions;
        for (let p = 0; p < positions; p++) result[to + p] = result[to + p]! + factor * core[from + p]!;
      }
    }
  }
  return result;
}
