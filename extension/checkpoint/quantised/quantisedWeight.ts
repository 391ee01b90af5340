/**
 * What a quantisation scheme (`gptq.ts`, `mlx.ts`, …) makes of its stored parts: one weight of its true shape. Codes
 * and scales are multiplied as exact values and rounded once, to float32, unless the scheme says otherwise; programs
 * that run the model may round the same product to their 16-bit type.
 */
import { product } from '../../shared/matrixAxes';
import { type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { elementSize, isFloating, widen } from '../elements/dtype';
import type { QuantisationConfig } from './quantisationConfig';
import type { RowRange } from '../elements/rowBand';

export interface QuantisedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** For people: `GPTQ 4-bit g128`. */
  readonly encoding: string;
  readonly parts: readonly TensorInfo[];
  /** Why `decode` is not called, where the layout is known but not its elements. */
  readonly unreadable?: string;
  /** Rows [start, end) along the first axis, row-major. */
  decode(rows: RowRange, reader: PartReader): Promise<Float32Array>;
}

/** How the weight is listed: what it is stored in is that of all its parts. */
export function quantisedInfo(weight: QuantisedWeight, group: string): TensorInfo {
  const { name, shape, encoding, parts, unreadable } = weight;
  const storedBytes = parts.reduce((sum, part) => sum + (part.encoding?.byteLength ?? part.byteLength), 0);
  return {
    name,
    group,
    shape,
    dtype: 'F32',
    byteLength: product(shape) * elementSize('F32'),
    encoding: { name: encoding, byteLength: storedBytes },
    ...(unreadable !== undefined && { unreadable }),
    kernelLayout: 'OI…',
  };
}

export interface QuantisationScheme {
  /** Endings of the names of tensors that only its weights have. */
  readonly marks: readonly string[];
  /**
   * The weight that the tensor `base` + `mark` belongs to; undefined where it is another scheme's, or plain.
   *
   * @throws CheckpointError `malformed` where parts are missing or contradict one another, `unsupported`
   */
  weight(
    base: string,
    mark: string,
    parts: WeightParts,
  ): QuantisedWeight | undefined | Promise<QuantisedWeight | undefined>;
}

/** The tensors that a scheme finds its parts among. */
export class WeightParts {
  constructor(
    private readonly tensors: ReadonlyMap<string, TensorInfo>,
    readonly config: QuantisationConfig,
    readonly reader: PartReader,
  ) {}

  find(name: string): TensorInfo | undefined {
    return this.tensors.get(name);
  }

  /** @throws CheckpointError `malformed` where there is none */
  need(name: string): TensorInfo {
    const tensor = this.tensors.get(name);
    if (!tensor) throw contradiction(`its part ${name} is missing`);
    return tensor;
  }
}

/** Reads parts for one call: with its signal. */
export class PartReader {
  constructor(private readonly read: (tensor: TensorInfo, rows?: RowRange) => Promise<Uint8Array>) {}

  bytes(tensor: TensorInfo, rows?: RowRange): Promise<Uint8Array> {
    return this.read(tensor, rows);
  }

  async numbers(tensor: TensorInfo, rows?: RowRange): Promise<Float64Array> {
    return widen(await this.read(tensor, rows), tensor.dtype);
  }
}

export function contradiction(reason: string): CheckpointError {
  return new CheckpointError('malformed', `${reason}, so its parts are listed one by one`, {
    remedy: 'fetch it again, or save it anew',
  });
}

/** @throws CheckpointError `malformed` where the tensor has another number of axes, or an empty one */
export function sides(tensor: TensorInfo, axes: 2): [rows: number, cols: number];
export function sides(tensor: TensorInfo, axes: number): number[];
export function sides({ name, shape }: TensorInfo, axes: number): number[] {
  if (shape.length !== axes || shape.includes(0)) {
    throw contradiction(`${name} has the shape [${shape.join(', ')}], not one of ${axes} axes`);
  }
  return [...shape];
}

/** @throws CheckpointError `malformed` where the shape is another */
export function expectShape({ name, shape }: TensorInfo, expected: readonly number[]): void {
  if (shape.length !== expected.length || shape.some((size, axis) => size !== expected[axis])) {
    throw contradiction(`${name} has the shape [${shape.join(', ')}] where [${expected.join(', ')}] belongs`);
  }
}

/** @throws CheckpointError `malformed` where the elements are no words of 32 bits */
export function expectWords({ name, dtype }: TensorInfo): void {
  if (dtype !== 'I32' && dtype !== 'U32') throw contradiction(`${name} has the element type ${dtype}, not I32`);
}

/** @throws CheckpointError `malformed` where the elements are no floating-point numbers */
export function expectFloats({ name, dtype }: TensorInfo): void {
  if (!isFloating(dtype)) throw contradiction(`${name} has the element type ${dtype}, not a floating one`);
}

/** Zeros to fill. @throws CheckpointError `limit` where they do not fit into memory at once */
export function floats(count: number): Float32Array {
  try {
    return new Float32Array(count);
  } catch (error) {
    const message = `${count} decoded elements do not fit into memory at once`;
    throw new CheckpointError('limit', message, { cause: error, remedy: 'read fewer rows' });
  }
}

/** Words of 32 bits, whatever byte of a buffer they begin at. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}
