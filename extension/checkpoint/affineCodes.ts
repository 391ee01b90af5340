/**
 * Elements that are stored as integer codes: (code − zero point) · scale, as an exact product rounded once to float32. One
 * scale and zero point for all, or one of each for every index of an axis.
 *
 * @see https://github.com/pytorch/pytorch/blob/v2.5.0/aten/src/ATen/native/quantized/AffineQuantizer.cpp
 */
import type { DType } from '../protocol';
import { floats, product } from './quantisedWeight';
import type { RowRange } from './rowBand';
import type { RowSource } from './rowSource';

export interface AffineScales {
  /** As many as the axis has indices; one where there is no axis. */
  readonly scales: Float64Array;
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
  private read: Promise<AffineScales> | undefined;

  /** @param readScales called at the first use */
  constructor(
    private readonly layout: AffineLayout,
    private readonly codes: RowSource,
    private readonly readScales: (signal?: AbortSignal) => Promise<AffineScales>,
  ) {}

  async readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    const scales = await this.scales(signal);
    const codes = codesOf(await this.codes.readRows(rows, signal), this.layout.codes);
    const elements = decode(codes, this.layout, rows, scales);
    return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  }

  private async scales(signal?: AbortSignal): Promise<AffineScales> {
    this.read ??= this.readScales(signal);
    try {
      return await this.read;
    } catch (error) {
      // Whoever asks next, with a signal of their own, tries anew.
      this.read = undefined;
      throw error;
    }
  }
}

function codesOf(bytes: Uint8Array, type: AffineLayout['codes']): Int8Array | Uint8Array | Int32Array {
  if (type === 'U8') return bytes;
  if (type === 'I8') return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

function decode(
  codes: Int8Array | Uint8Array | Int32Array,
  { shape, axis }: AffineLayout,
  { start }: RowRange,
  { scales, zeroPoints }: AffineScales,
): Float32Array {
  const elements = floats(codes.length);
  // Runs of elements with one scale, and the index of the first run's.
  const run = axis === undefined ? codes.length : product(shape.slice(axis + 1));
  let channel = axis === 0 ? start : 0;
  for (let at = 0; at < codes.length; at += run) {
    const scale = scales[channel]!;
    const zeroPoint = zeroPoints[channel]!;
    const end = at + run;
    for (let i = at; i < end; i++) elements[i] = (codes[i]! - zeroPoint) * scale;
    channel = channel + 1 === scales.length ? 0 : channel + 1;
  }
  return elements;
}
