/** Operators of ONNX that take a weight's codes with scales and zero points of the whole, of channels or of blocks. */
import { product } from '../../shared/matrixAxes';
import type { TensorInfo } from '../checkpoint';
import {
  decodeLinear,
  describeGranularity,
  fromStart,
  granularityOf,
  type Granularity,
  type LinearWeight,
} from '../quantised/linearWeight';
import type { CodesUse, FindCodes } from './onnxCodes';
import type { Operators, ScopedCall } from './onnxOperators';
import { contradiction, expectFloats, type QuantisedWeight } from '../quantised/quantisedWeight';

/** Element types of integer codes, as they are read. */
const CODES: ReadonlySet<string> = new Set(['I8', 'U8', 'I16', 'U16', 'I32']);

/** Inputs that are one weight. */
interface Places {
  readonly codes: number;
  readonly scale: number;
  readonly zero: number;
}

/** Operators that multiply codes as integers, where those of weights are, and the axis of output channels. */
export const integerOperators: ReadonlyMap<string, { codes: number; zero: number; channels: number }> = new Map([
  ['MatMulInteger', { codes: 1, zero: 3, channels: -1 }],
  ['ConvInteger', { codes: 1, zero: 3, channels: 0 }],
]);

/** What may lie between codes and what dequantises them with one scale: the elements stay what they are. */
export const movingOperators: ReadonlySet<string> = new Set([
  ...['Identity', 'Gather', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Slice'],
]);

/** Products of scales are looked through so deep: quantisers write (a·b)·c or a·(b·c). */
const MAX_PRODUCT_DEPTH = 3;

/** Stored tensors; undefined where they are computed, or cannot be read. */
interface Parameters {
  readonly scale: TensorInfo | undefined;
  readonly zero: TensorInfo | undefined;
  /** Without one it is 0. */
  readonly hasZero: boolean;
}

type GranularityOf = (parameter: TensorInfo) => Granularity;

/**
 * An operator whose scale is of the whole weight or of its output channels.
 *
 * @param channels their axis, counted from the end where it is negative
 */
export function linear(places: Places, channels: number | ((call: ScopedCall) => number)): FindCodes {
  return (call, operators) => {
    const codes = operators.tensor(call, places.codes);
    if (!codes) return undefined;
    const axis = fromStart(typeof channels === 'number' ? channels : channels(call), codes.shape);
    return useOf(codes, parametersAt(call, operators, places), (parameter) =>
      granularityOf(parameter, codes.shape, axis),
    );
  };
}

/** Weights of recurrent operators, (directions, inputs, channels): scales are (directions) or (directions, channels). */
export function directions(places: Places): FindCodes {
  return (call, operators) => {
    const codes = operators.tensor(call, places.codes);
    if (!codes) return undefined;
    return useOf(codes, parametersAt(call, operators, places), ({ name, shape: [count = 1, channels = 1] }) =>
      granularityOf({ name, shape: [count, 1, channels] }, codes.shape, 0),
    );
  };
}

/** DequantizeLinear, whose input may be what an embedding's lookup takes out of the codes. */
export function dequantised(call: ScopedCall, operators: Operators<TensorInfo>): CodesUse | undefined {
  const parameters = parametersAt(call, operators, { scale: 1, zero: 2 });
  const whole = parameters.scale !== undefined && product(parameters.scale.shape) === 1;
  const codes = whole ? operators.tensorThrough(call, 0, movingOperators) : operators.tensor(call, 0);
  if (!codes) return undefined;
  const axis = fromStart(call.integers.get('axis') ?? 1, codes.shape);
  const block = call.integers.get('block_size');
  return useOf(codes, parameters, (parameter) => granularityOf(parameter, codes.shape, axis, block));
}

/** The product of scales that follows an integer operator, which multiplies codes alone. */
export function scaledProduct(call: ScopedCall, operators: Operators<TensorInfo>): CodesUse | undefined {
  const factors: Factors = { constants: [], integers: [] };
  collectFactors(call, operators, factors, MAX_PRODUCT_DEPTH);
  const [integer, ...others] = factors.integers;
  const places = integer && integerOperators.get(integer.operator);
  const codes = places && operators.tensor(integer, places.codes);
  // A second constant may be the scale of what is multiplied, or what the model multiplies by: it cannot be told.
  if (!codes || others.length > 0 || factors.constants.length !== 1) return undefined;
  const spatial = places.channels === 0 ? codes.shape.length - 2 : 0;
  const parameters = {
    ...parametersAt(integer, operators, { scale: -1, zero: places.zero }),
    scale: factors.constants[0],
  };
  return useOf(codes, parameters, (parameter) =>
    granularityOf(ofChannels(parameter, spatial), codes.shape, fromStart(places.channels, codes.shape)),
  );
}

/** A parameter without the axes that it has for being multiplied with (N, channels, spatial…) or (…, channels). */
function ofChannels({ name, shape }: TensorInfo, spatial: number): Pick<TensorInfo, 'name' | 'shape'> {
  const end = shape.length - spatial;
  const channels = shape[end - 1];
  const isChannels = channels !== undefined && channels === product(shape);
  return { name, shape: isChannels ? [channels] : shape };
}

interface Factors {
  readonly constants: TensorInfo[];
  readonly integers: ScopedCall[];
}

function collectFactors(call: ScopedCall, operators: Operators<TensorInfo>, factors: Factors, depth: number): void {
  for (const index of [0, 1]) {
    const constant = operators.tensor(call, index);
    const factor = operators.call(call, index);
    const cast = factor?.operator === 'Cast' ? operators.call(factor, 0) : undefined;
    if (constant) factors.constants.push(constant);
    else if (cast && integerOperators.has(cast.operator)) factors.integers.push(cast);
    else if (factor?.operator === 'Mul' && depth > 1) collectFactors(factor, operators, factors, depth - 1);
  }
}

function parametersAt(
  call: ScopedCall,
  operators: Operators<TensorInfo>,
  { scale, zero }: Omit<Places, 'codes'>,
): Parameters {
  return {
    scale: operators.tensor(call, scale),
    zero: operators.tensor(call, zero),
    hasZero: Boolean(call.inputs[zero]),
  };
}

function useOf(codes: TensorInfo, parameters: Parameters, granularity: GranularityOf): CodesUse | undefined {
  const isCodes = CODES.has(codes.dtype) || codes.dtype.startsWith('F8_') || codes.encoding?.name === 'F4';
  return isCodes ? { codes, weight: () => linearWeight(codes, parameters, granularity) } : undefined;
}

function linearWeight(
  codes: TensorInfo,
  { scale, zero, hasZero }: Parameters,
  granularity: GranularityOf,
): Omit<QuantisedWeight, 'name'> {
  const { shape } = codes;
  if (!scale) throw contradiction('its scale is no constant that can be read');
  if (hasZero && !zero) throw contradiction('its zero point is no constant that can be read');
  expectFloats(scale);
  const weight: LinearWeight = {
    shape,
    codes,
    scale: { ...granularity(scale), tensor: scale },
    zero: zero ? { ...granularity(zero), tensor: zero } : 0,
  };
  return {
    shape,
    encoding: `${codes.encoding?.name ?? codes.dtype} ${describeGranularity(granularity(scale))}`,
    parts: [codes, scale, ...(zero ? [zero] : [])],
    decode: (rows, reader) => decodeLinear(weight, rows, reader),
  };
}
