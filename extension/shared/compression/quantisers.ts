/** Sizes of what quantisers store: of codes and scales, for what writes them, reads them, and counts them beforehand. Pure. */
import { DEFAULT_OPTIONS, type OptionName, type QuantiserName } from './methodOptions';
import type { LayerChoice } from './plans';

/** Elements of MXFP4 that share a scale (OCP MX 1.0, §5.2). */
export const MX_BLOCK = 32;

const BITS: Readonly<Record<Exclude<QuantiserName, 'bipolar'>, number>> = {
  nf4: 4,
  nf3: 3,
  int8: 8,
  int4: 4,
  fp8: 8,
  mxfp4: 4,
};

/** Bits of a code. @param bits of bipolar integers; other quantisers have their own */
export function bitsOf(quantiser: QuantiserName, bits: number): number {
  return quantiser === 'bipolar' ? bits : BITS[quantiser];
}

/** False for an option that the quantiser decides itself. */
export function acts(option: OptionName, quantiser: QuantiserName): boolean {
  if (option === 'bits') return quantiser === 'bipolar';
  return option !== 'block' || quantiser !== 'mxfp4';
}

/** Options that a choice names and its quantiser decides itself, each with a sentence. */
export function idleOptions({ quantiser = DEFAULT_OPTIONS.quantiser, bits, block }: LayerChoice): string[] {
  const idle = [];
  if (bits !== undefined && !acts('bits', quantiser)) {
    idle.push(
      `bits ${bits} has no effect: ${quantiser} has ${bitsOf(quantiser, bits)} bits, and the option is for bipolar`,
    );
  }
  if (block !== undefined && !acts('block', quantiser)) {
    idle.push(`block ${block} has no effect: ${quantiser} has blocks of ${MX_BLOCK}`);
  }
  return idle;
}

/**
 * Element type of the stored scales. bitsandbytes has float32 for its normal floats. Integers and FP8 have bfloat16, which a
 * model of any dtype holds exactly. MXFP4's are E8M0, powers of two, in plain bytes as other programs keep them.
 */
export function scalesType(quantiser: QuantiserName): 'F32' | 'BF16' | 'U8' {
  switch (quantiser) {
    case 'mxfp4':
      return 'U8';
    case 'int8':
    case 'int4':
    case 'fp8':
      return 'BF16';
    default:
      return 'F32';
  }
}

/** Bytes of a stored scale. */
export function scaleBytes(quantiser: QuantiserName): number {
  return { F32: 4, BF16: 2, U8: 1 }[scalesType(quantiser)];
}

/** Elements of a row that share a scale. @param block as the option says: 0 gives each row one */
export function blockOf(quantiser: QuantiserName, block: number, inputs: number): number {
  if (quantiser === 'mxfp4') return MX_BLOCK;
  return block === 0 ? inputs : Math.min(block, inputs);
}
