/**
 * Rotary position embeddings: what a configuration says of them, and the tables of cosines and sines for one length of
 * windows. All is computed in float32 where transformers does so, since positions multiply roundings.
 *
 * @see https://github.com/huggingface/transformers src/transformers/modeling_rope_utils.py
 */
import type { ConfigFields } from './configFields';

export interface Rope {
  /** Numbers of a head that are turned: an even number. */
  readonly rotated: number;
  readonly theta: number;
  readonly scaling: Scaling;
}

type Scaling =
  | { readonly type: 'default' }
  | { readonly type: 'linear'; readonly factor: number }
  /** One divisor for each frequency: what GGUF files of Llama 3 hold. */
  | { readonly type: 'divided'; readonly divisors: readonly number[] }
  /** The base grows with windows longer than `positions`. */
  | { readonly type: 'dynamic'; readonly factor: number; readonly positions: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFactor: number;
      readonly highFactor: number;
      readonly positions: number;
    }
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly magnitude: number;
      readonly fast: number;
      readonly slow: number;
      readonly positions: number;
      readonly truncated: boolean;
    }
  | {
      readonly type: 'longrope';
      readonly long: readonly number[];
      readonly short: readonly number[];
      readonly magnitude: number;
      readonly positions: number;
    };

/** Cosines and sines, length × rotated/2. */
export interface RopeTables {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/**
 * @param config of the model; its `rope_parameters`, or `rope_scaling` with `rope_theta` beside it
 * @param kind of layer, where the parameters differ by it (Gemma 3)
 * @throws DecoderError `unsupported` for a type that is not known, `invalid-config`
 */
export function ropeOf(
  config: ConfigFields,
  headSize: number,
  { theta: usual = 10_000, share = 1, kind }: { theta?: number; share?: number; kind?: string } = {},
): Rope {
  const parameters = config.within('rope_parameters') ?? config.within('rope_scaling');
  const given = (kind === undefined ? undefined : parameters?.within(kind)) ?? parameters;
  const theta = given?.optionalNumber('rope_theta') ?? config.number('rope_theta', usual);
  const part = given?.optionalNumber('partial_rotary_factor') ?? config.number('partial_rotary_factor', share);
  const rotated = Math.floor(headSize * part);
  if (rotated % 2 !== 0) throw config.unsupported(`an odd number of turned dimensions of a head (${rotated})`);
  return { rotated, theta, scaling: given ? scalingOf(config, given) : { type: 'default' } };
}

/** @throws DecoderError */
function scalingOf(config: ConfigFields, given: ConfigFields): Scaling {
  const type = given.word('rope_type', given.word('type', 'default'));
  const most = (): number => config.size('max_position_embeddings');
  const original = (): number =>
    config.optionalSize('original_max_position_embeddings') ??
    given.optionalSize('original_max_position_embeddings') ??
    most();
  const factor = (): number => given.optionalNumber('factor') ?? most() / original();
  switch (type) {
    case 'default':
      return { type };
    case 'linear':
      return { type, factor: given.number('factor') };
    case 'divided':
      return { type, divisors: given.numbers('divisors') };
    case 'dynamic':
      return { type, factor: given.number('factor'), positions: most() };
    case 'llama3':
      return {
        type,
        factor: given.number('factor'),
        lowFactor: given.number('low_freq_factor'),
        highFactor: given.number('high_freq_factor'),
        positions: original(),
      };
    case 'yarn':
      return {
        type,
        factor: factor(),
        magnitude: given.optionalNumber('attention_factor') ?? yarnMagnitude(given, factor()),
        // As there, 0 means the default, too.
        fast: given.optionalNumber('beta_fast') || 32,
        slow: given.optionalNumber('beta_slow') || 1,
        positions: original(),
        truncated: given.flag('truncate', true),
      };
    // Phi-3's first files say `su` for the same.
    case 'su':
    case 'longrope':
      return {
        type: 'longrope',
        long: given.numbers('long_factor'),
        short: given.numbers('short_factor'),
        magnitude: given.optionalNumber('attention_factor') ?? longMagnitude(factor(), original()),
        positions: original(),
      };
    default:
      throw config.unsupported(`rotary embeddings of the type ${type}`);
  }
}

function yarnMagnitude(given: ConfigFields, factor: number): number {
  const grown = (scale: number): number => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  const [own, all] = [given.optionalNumber('mscale'), given.optionalNumber('mscale_all_dim')];
  return own && all ? grown(own) / grown(all) : grown(1);
}

function longMagnitude(factor: number, positions: number): number {
  return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(positions));
}

/** @param length of the windows: some scalings depend on it */
export function ropeTables(rope: Rope, length: number): RopeTables {
  const { frequencies, magnitude } = inverseFrequencies(rope, length);
  const half = frequencies.length;
  const [cos, sin] = [new Float32Array(length * half), new Float32Array(length * half)];
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(position * frequencies[i]!);
      cos[position * half + i] = Math.fround(Math.cos(angle)) * magnitude;
      sin[position * half + i] = Math.fround(Math.sin(angle)) * magnitude;
    }
  }
  return { cos, sin };
}

function inverseFrequencies(
  { rotated, theta, scaling }: Rope,
  length: number,
): { frequencies: Float32Array; magnitude: number } {
  const of = (base: number, change: (inverse: number, i: number) => number = (inverse) => inverse): Float32Array =>
    Float32Array.from({ length: rotated / 2 }, (_, i) =>
      change(Math.fround(1 / Math.fround(base ** Math.fround((2 * i) / rotated))), i),
    );
  switch (scaling.type) {
    case 'default':
      return { frequencies: of(theta), magnitude: 1 };
    case 'linear':
      return { frequencies: of(theta, (inverse) => inverse / scaling.factor), magnitude: 1 };
    case 'divided':
      return { frequencies: of(theta, (inverse, i) => inverse / scaling.divisors[i]!), magnitude: 1 };
    case 'dynamic': {
      const { factor, positions } = scaling;
      const grown = (factor * Math.max(length, positions)) / positions - (factor - 1);
      return { frequencies: of(theta * grown ** (rotated / (rotated - 2))), magnitude: 1 };
    }
    case 'llama3':
      return { frequencies: of(theta, (inverse) => llama3(inverse, scaling)), magnitude: 1 };
    case 'yarn':
      return {
        frequencies: of(theta, yarn(rotated, theta, scaling)),
        magnitude: scaling.magnitude,
      };
    case 'longrope': {
      const factors = length > scaling.positions ? scaling.long : scaling.short;
      return { frequencies: of(theta, (inverse, i) => inverse / factors[i]!), magnitude: scaling.magnitude };
    }
  }
}

function llama3(inverse: number, { factor, lowFactor, highFactor, positions }: Scaling & { type: 'llama3' }): number {
  const wavelength = (2 * Math.PI) / inverse;
  if (wavelength < positions / highFactor) return inverse;
  if (wavelength > positions / lowFactor) return inverse / factor;
  const smooth = (positions / wavelength - lowFactor) / (highFactor - lowFactor);
  return ((1 - smooth) * inverse) / factor + smooth * inverse;
}

/** @see YaRN, arXiv 2309.00071 */
function yarn(
  rotated: number,
  theta: number,
  { factor, fast, slow, positions, truncated }: Scaling & { type: 'yarn' },
): (inverse: number, i: number) => number {
  const dimension = (rotations: number): number =>
    (rotated * Math.log(positions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [dimension(fast), dimension(slow)];
  const low = Math.max(truncated ? Math.floor(first) : first, 0);
  let high = Math.min(truncated ? Math.ceil(last) : last, rotated - 1);
  if (low === high) high += 0.001;
  return (inverse, i) => {
    const stretched = Math.min(1, Math.max(0, (i - low) / (high - low)));
    return (inverse / factor) * stretched + inverse * (1 - stretched);
  };
}
