/**
 * Elements that are stored as integer codes: (code − zero point) · scale. The difference is rounded to float32, and so
 * is the exact product. One scale and zero point for all, or one of each for every index of an axis.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/aten/src/ATen/native/quantized/AffineQuantizer.cpp
 */
import { product } from '../../shared/matrixAxes';
import type { DType } from '../../shared/tensors';
import { floats } from './quantisedWeight';
import type { RowRange } from '../elements/rowBand';
import type { RowSource } from '../elements/rowSource';

export interface AffineScales {
  /** As many as the axis has indices; one where there is no axis. */
  readonly scales: Float64Array;
  /** One, or as many as scales. */
  readonly zeroPoints: Float64Array;
}

export interface AffineLayout {
  readonly shape: readonly number[];
  readonly codes: DType & ('I8' | 'U8' | 'I32');
  /** Whose indices have scales of their own. */
  readonly axis?: number;
}

/** Decodes the rows of codes that another source reads. */
export class AffineRows implements RowSource {
  private known: AffineScales | undefined;

  /** @param readScales called until it succeeded once */
  constructor(
    private readonly layout: AffineLayout,
    private readonly codes: RowSource,
    private readonly readScales: (signal?: AbortSignal) => Promise<AffineScales>,
  ) {}

  async readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    const scales = await this.scales(signal);
    const { shape, codes: type, axis } = this.layout;
    const codes = codesOf(await this.codes.readRows(rows, signal), type);
    const elements = floats(codes.length);
    const run = product(axis === undefined ? shape : shape.slice(axis + 1));
    const start = rows.start * product(shape.slice(1));
    dequantise(codes, start, { ...scales, run, count: scales.scales.length, first: 0 }, elements);
    return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  }

  private async scales(signal?: AbortSignal): Promise<AffineScales> {
    // No promise is kept: other callers that wait for it would be cancelled with the first.
    this.known ??= await this.readScales(signal);
    return this.known;
  }
}

function codesOf(bytes: Uint8Array, type: AffineLayout['codes']): Int8Array | Uint8Array | Int32Array {
  if (type === 'U8') return bytes;
  if (type === 'I8') return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

/** The scale and zero point that neighbouring codes share. */
export interface AffineGroups extends AffineScales {
  /** Elements that share one, from the tensor's first on. */
  readonly run: number;
  /** Scales of the whole tensor: after the last, the first one follows again. */
  readonly count: number;
  /** Number of the first of `scales` among them. */
  readonly first: number;
}

/**
 * @param codes of neighbouring elements
 * @param start number of the first of them in the tensor
 * @param target as long as `codes`
 */
export function dequantise(
  codes: ArrayLike<number>,
  start: number,
  { run, count, first, scales, zeroPoints }: AffineGroups,
  target: Float32Array,
): void {
  for (let i = 0; i < codes.length;) {
    const group = (Math.floor((start + i) / run) % count) - first;
    const scale = scales[group]!;
    const zeroPoint = zeroPoints[zeroPoints.length === 1 ? 0 : group]!;
    const end = Math.min(codes.length, i + run - ((start + i) % run));
    for (; i < end; i++) target[i] = Math.fround(codes[i]! - zeroPoint) * scale;
  }
}
