/** Inputs that are made up: normal numbers and zeros and ones, from a seed. They say nothing of real ones. */
import { product } from '../../shared/matrixAxes';
import type { ModelInputs } from '../../shared/modelRuns';
import { mulberry32 } from '../../spectral/seededRandom';
import { invalid } from './modelRunError';
import { valueText, type Feed, type ModelValue, type Samples } from './modelValues';

/** Standard normal; the same for the same seed. @see Box & Muller 1958 */
function seededNormal(seed: number): () => number {
  const uniform = mulberry32(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** @throws ModelRunError `invalid-inputs` for axes without a size, and types that are not made up */
export function randomSamples(
  { samples, seed, shapes }: ModelInputs & { kind: 'random' },
  inputs: readonly ModelValue[],
): Samples {
  const unknown = Object.keys(shapes).find((name) => inputs.every((input) => input.name !== name));
  if (unknown !== undefined) {
    throw invalid(`--shape ${unknown}: the model takes ${inputs.map(valueText).join(', ')}`);
  }
  const sized = inputs.map((input) => ({ input, shape: shapeOf(input, shapes[input.name]) }));
  const notes = ['The inputs were made up: their statistics and errors say nothing of real ones.'];
  return {
    count: samples,
    notes,
    feeds(index) {
      const random = seededNormal(seed + index);
      return Promise.resolve(
        Object.fromEntries(sized.map(({ input, shape }) => [input.name, randomFeed(input, shape, random)])),
      );
    },
  };
}

function shapeOf(input: ModelValue, given: readonly number[] | undefined): readonly number[] {
  const { name, shape } = input;
  if (given) {
    const fits =
      given.length === shape.length &&
      given.every((size, axis) => typeof shape[axis] !== 'number' || shape[axis] < 0 || shape[axis] === size);
    if (fits || shape.length === 0) return given;
    throw invalid(`the shape ${name}=${given.join(',')} does not fit ${valueText(input)}`);
  }
  if (shape.every((size) => typeof size === 'number' && size >= 0)) return shape as number[];
  const open = `${name}=${shape.map((size) => (typeof size === 'number' && size >= 0 ? size : '?')).join(',')}`;
  throw invalid(
    `the input ${valueText(input)} has axes without a size; ` +
      `give the shape ${open} with a number for each ? (in a terminal: --shape ${open})`,
  );
}

function randomFeed({ name, type }: ModelValue, shape: readonly number[], random: () => number): Feed {
  const count = product(shape);
  const make = (): Uint8Array => {
    switch (type) {
      case 'float32':
        return bytesOf(Float32Array.from({ length: count }, random));
      case 'float64':
        return bytesOf(Float64Array.from({ length: count }, random));
      // 0 and 1 are in the range of every table that integers look up in.
      case 'int64':
        return bytesOf(BigInt64Array.from({ length: count }, () => BigInt(random() > 0 ? 1 : 0)));
      case 'int32':
        return bytesOf(Int32Array.from({ length: count }, () => Number(random() > 0)));
      case 'uint8':
      case 'bool':
        return Uint8Array.from({ length: count }, () => Number(random() > 0));
      default:
        throw invalid(`the input "${name}" is ${type}, and such inputs are not made up; give an .npz of inputs`);
    }
  };
  return { type, shape, bytes: make() };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
