/**
 * Weights that are stored as two factors, by the names that programs give them:
 *
 * - `X.ALinear` and `X.BLinear`: ASVD and Eigenscope's own models have W = A·B, Dobi-SVD W = B·A
 * - `q_u_proj` and `q_v_proj`: SVD-LLM
 * - `W.A` and `W.B`: Eigenscope's ONNX models
 * - `X.lora_up` and `X.lora_down`, beside them `X.alpha`: kohya's scripts and LyCORIS
 * - `X.lora.up`, `X_lora.up`, `X.lora_linear_layer.up`: diffusers
 *
 * A pair is one only if both names are there and their shapes have one product; else the tensors stay what they are.
 *
 * @see https://github.com/hahnyuan/ASVD4LLM modules/svd_linear.py
 * @see https://github.com/wangqinsi1/Dobi-SVD modules/module.py (`SVDTransformLayer`)
 * @see https://github.com/AIoT-MLSys-Lab/SVD-LLM component/svd_llama.py
 * @see https://github.com/kohya-ss/sd-scripts networks/lora.py; https://github.com/huggingface/diffusers loaders
 */
import type { TensorInfo } from '../checkpoint';
import { isFloating } from '../elements/dtype';
import { elementCount } from '../elements/shape';
import { madeInfo, productOf, type MadeWeight } from './madeWeights';

/** A pair by its names: where the outputs' factor and the inputs' one are. */
interface NamedPair {
  readonly key: string;
  readonly side: 'first' | 'second';
  /** Name of what the two stand for. */
  readonly weight: string;
}

interface PairDialect {
  /** For messages. */
  readonly names: readonly [first: string, second: string];
  match(name: string): NamedPair | undefined;
  /**
   * Which product the two have: the first times the second, or the second times the first. `either`: shapes tell.
   */
  readonly order: 'first·second' | 'either';
  /** The product is added to a weight of another model, scaled by α/r. */
  readonly adapter: boolean;
  readonly onlyFormat?: string;
}

const ASVD: PairDialect = {
  names: ['ALinear', 'BLinear'],
  match(name) {
    const [, module, which] = /^(.*)\.([AB])Linear\.weight$/.exec(name) ?? [];
    if (module === undefined) return undefined;
    return { key: module, side: which === 'A' ? 'first' : 'second', weight: `${module}.weight` };
  },
  order: 'either',
  adapter: false,
};

const SVD_LLM: PairDialect = {
  names: ['u_proj', 'v_proj'],
  match(name) {
    const [, before, own, which] = /^(|.*\.)(q|k|v|o|out|gate|up|down|fc1|fc2)_([uv])_proj\.weight$/.exec(name) ?? [];
    if (before === undefined || own === undefined) return undefined;
    const weight = `${before}${own.startsWith('fc') ? own : `${own}_proj`}.weight`;
    return { key: `${before}${own}`, side: which === 'u' ? 'first' : 'second', weight };
  },
  order: 'first·second',
  adapter: false,
};

const ONNX: PairDialect = {
  names: ['A', 'B'],
  match(name) {
    const [, weight, which] = /^(.+)\.([AB])$/.exec(name) ?? [];
    return weight === undefined ? undefined : { key: weight, side: which === 'A' ? 'first' : 'second', weight };
  },
  order: 'either',
  adapter: false,
  onlyFormat: 'onnx',
};

function loraDialect(names: readonly [up: string, down: string], pattern: RegExp): PairDialect {
  return {
    names,
    match(name) {
      const [, module, which] = pattern.exec(name) ?? [];
      if (module === undefined) return undefined;
      return { key: module, side: which === 'up' ? 'first' : 'second', weight: `${module}.delta_weight` };
    },
    order: 'first·second',
    adapter: true,
  };
}

const DIALECTS: readonly PairDialect[] = [
  ASVD,
  SVD_LLM,
  ONNX,
  loraDialect(['lora_up', 'lora_down'], /^(.+)\.lora_(up|down)\.weight$/),
  loraDialect(['lora.up', 'lora.down'], /^(.+)[._]lora\.(up|down)\.weight$/),
  loraDialect(['lora_linear_layer.up', 'lora_linear_layer.down'], /^(.+)\.lora_linear_layer\.(up|down)\.weight$/),
];

/** Of almost all names this says at once that they are no factor's. */
const HINT = /[AB]Linear\.|_[uv]_proj\.|\.[AB]$|lora[._](?:up|down|linear_layer)/;

export function mayBePairFactor(name: string): boolean {
  return HINT.test(name);
}

/** What makes the product of an adapter another one than up·down. */
const BESIDE: readonly (readonly [ending: string, why: string])[] = [
  ['.lora_mid.weight', 'has a core between up and down (lora_mid), which a product of two has not'],
  ['.dora_scale', 'is of DoRA, which gives each output of the adapted weight another length'],
];

export interface PairTools {
  readonly format: string;
  readonly tensors: readonly TensorInfo[];
  /** α of an adapter's module by the module's name; undefined if there is none, a sentence if it is no number. */
  readonly alpha: (module: string) => number | string | undefined;
  readonly refuse: (tensor: string, message: string) => void;
}

export function factorPairs({ format, tensors, alpha, refuse }: PairTools): MadeWeight[] {
  const dialects = DIALECTS.filter(({ onlyFormat }) => onlyFormat === undefined || onlyFormat === format);
  const names = new Set(tensors.map(({ name }) => name));
  return dialects.flatMap((dialect) => {
    const pairs = pairsOf(dialect, tensors);
    // Square pairs do not tell which product is meant, but the others of the model do.
    const orders = pairs.map(({ first, second }) => (first && second ? orderOf(dialect, first, second) : undefined));
    const swapped = orders.filter((order) => order === 'second·first').length;
    const usual = swapped > orders.filter((order) => order === 'first·second').length ? 'second·first' : 'first·second';
    return pairs.flatMap((pair) => {
      const made = madePair(dialect, pair, usual, names, alpha);
      if (typeof made !== 'string') return [made];
      refuse((pair.first ?? pair.second)!.name, made);
      return [];
    });
  });
}

interface Pair {
  readonly key: string;
  readonly weight: string;
  first?: TensorInfo;
  second?: TensorInfo;
}

function pairsOf(dialect: PairDialect, tensors: readonly TensorInfo[]): Pair[] {
  const pairs = new Map<string, Pair>();
  for (const tensor of tensors) {
    const named = mayBePairFactor(tensor.name) ? dialect.match(tensor.name) : undefined;
    if (!named) continue;
    const key = JSON.stringify([tensor.group, named.key]);
    const pair: Pair = pairs.get(key) ?? { key: named.key, weight: named.weight };
    pair[named.side] = tensor;
    pairs.set(key, pair);
  }
  // Half a name of one letter is no pair that lost its other half.
  const all = [...pairs.values()];
  return dialect === ONNX || dialect === SVD_LLM ? all.filter(({ first, second }) => first && second) : all;
}

type Order = 'first·second' | 'second·first';

/** The product that the shapes have; `either` if both orders have one of the same rank; undefined if none has. */
function orderOf({ order }: PairDialect, first: TensorInfo, second: TensorInfo): Order | 'either' | undefined {
  const straight = hasProduct(first, second);
  const swapped = order === 'either' && hasProduct(second, first);
  if (!straight || !swapped) return straight ? 'first·second' : swapped ? 'second·first' : undefined;
  if (first.inputsFirst || second.inputsFirst) return 'second·first';
  // Of a wide and a tall factor, the product with the smaller inner side is meant.
  const [inner, outer] = [second.shape[0]!, first.shape[0]!];
  return inner === outer ? 'either' : inner < outer ? 'first·second' : 'second·first';
}

/** L (rows × rank, then ones) and R (rank × inputs, kernel…). */
function hasProduct(left: TensorInfo, right: TensorInfo): boolean {
  const [rows, rank, ...ones] = left.shape;
  const [rankOfRight, ...inner] = right.shape;
  const isKernel = left.shape.length === right.shape.length || left.shape.length === 2;
  return !!rows && !!rank && rank === rankOfRight && inner.length > 0 && isKernel && ones.every((size) => size === 1);
}

/** @returns why it is none, in words */
function madePair(
  dialect: PairDialect,
  { key, weight, first, second }: Pair,
  usual: Order,
  names: ReadonlySet<string>,
  alphaOf: PairTools['alpha'],
): MadeWeight | string {
  const [a, b] = dialect.names;
  if (!first || !second) return `has no ${first ? b : a} beside it: their product cannot be shown`;
  const shapes = `${a} [${first.shape.join(', ')}] and ${b} [${second.shape.join(', ')}]`;
  if (![first, second].every(({ dtype, unreadable }) => isFloating(dtype) && unreadable === undefined)) {
    return `is no factor of a pair: ${shapes} are not both floating-point numbers that can be read`;
  }
  const found = orderOf(dialect, first, second);
  if (found === undefined) return `is no factor of a pair: ${shapes} have no product`;
  const [left, right] = (found === 'either' ? usual : found) === 'first·second' ? [first, second] : [second, first];
  const [rank, ...inner] = right.shape as [number, ...number[]];
  const shape = [left.shape[0]!, ...inner];
  const count = elementCount(shape);
  if (typeof count === 'string') return `${count}: the product of ${shapes} is not shown`;
  if (names.has(weight)) return `stands beside a tensor ${weight}: the product of ${shapes} is not shown`;
  let scale = 1;
  if (dialect.adapter) {
    const beside = BESIDE.find(([ending]) => names.has(key + ending));
    if (beside) return `${beside[1]}: up·down is not what is added`;
    const alpha = alphaOf(key);
    if (typeof alpha === 'string') return `${alpha}: the scale of up·down is unknown`;
    if (alpha !== undefined) scale = alpha / rank;
  }
  const transposed = false;
  const info = madeInfo(
    {
      ...{ name: weight, group: right.group, shape, encoding: `${dialect.adapter ? 'LoRA' : 'A·B'} r=${rank}` },
      ...(first.inputsFirst && { inputsFirst: true as const }),
    },
    productOf({ tensor: left, transposed }, { tensor: right, transposed }, rank, scale),
  );
  return { info, hidesParts: !dialect.adapter };
}
