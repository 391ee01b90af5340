/**
 * The inputs that a model is run on: arrays of NumPy files, checked against what the model takes before it runs, or made up
 * ones from a seed.
 */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { widen } from '../../checkpoint/elements/dtype';
import { numpyFormat } from '../../checkpoint/numpy/numpy';
import type { ModelInputs } from '../../shared/modelRuns';
import type { DType } from '../../shared/tensors';
import { invalid } from './modelRunError';
import { randomSamples } from './randomInputs';
import { valueText, type Feed, type Feeds, type ModelValue, type Samples } from './modelValues';

/** onnxruntime's word for each type. */
const TYPES: Partial<Record<DType, string>> = {
  ...{ F32: 'float32', F64: 'float64', F16: 'float16', I64: 'int64', I32: 'int32', I16: 'int16', I8: 'int8' },
  ...{ U64: 'uint64', U32: 'uint32', U16: 'uint16', U8: 'uint8', BOOL: 'bool' },
};

/** What NumPy calls them, for the remedy. */
const NUMPY: Readonly<Record<string, string>> = { bool: 'np.bool_' };

/** Files of a folder: each is opened once to look at its arrays. */
const MAX_FILES = 10_000;

/**
 * @param inputs what the model takes
 * @throws ModelRunError `invalid-inputs`, CheckpointError
 */
export async function openSamples(
  from: ModelInputs,
  inputs: readonly ModelValue[],
  signal: AbortSignal,
): Promise<Samples> {
  if (from.kind === 'random') return randomSamples(from, inputs);
  const files = await inputFiles(path.resolve(from.path));
  const runs: Run[] = [];
  const notes = new Set<string>();
  for (const file of files) {
    const count = await opened(file, signal, (checkpoint) => {
      const arrays = arraysOf(checkpoint, inputs, notes);
      assertElements(file, arrays);
      return Promise.resolve(splits(file, arrays, inputs));
    });
    for (let of = 0; of < count; of++) runs.push({ file, of });
  }
  return {
    count: runs.length,
    notes: [...notes],
    feeds: (index, cancel) => readFeeds(runs[index]!, inputs, cancel),
  };
}

/** A file, and which of the runs that it has inputs for. */
interface Run {
  readonly file: string;
  readonly of: number;
}

/** Files are opened one at a time: a folder may have thousands. */
async function opened<T>(file: string, signal: AbortSignal, work: (checkpoint: Checkpoint) => Promise<T>): Promise<T> {
  const checkpoint = await numpyFormat.open(file, signal);
  try {
    return await work(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

async function inputFiles(place: string): Promise<string[]> {
  const found = await stat(place).catch(() => undefined);
  if (!found) throw invalid(`${place}: there is no such file or folder of inputs; check the path`);
  if (!found.isDirectory()) return [place];
  const names = (await readdir(place)).filter((name) => /\.np[yz]$/i.test(name)).sort();
  if (names.length === 0) throw invalid(`${place}: the folder has no .npz or .npy file; save inputs with numpy.savez`);
  if (names.length > MAX_FILES) throw invalid(`${place}: has ${names.length} files, and at most ${MAX_FILES} are read`);
  return names.map((name) => path.join(place, name));
}

/** The array of each input. */
function arraysOf(
  checkpoint: Checkpoint,
  inputs: readonly ModelValue[],
  notes: Set<string>,
): ReadonlyMap<string, TensorInfo> {
  const { path: file, tensors, problems } = checkpoint;
  if (problems[0]) throw invalid(problems[0].message);
  const taken = inputs.map(valueText).join(', ');
  const [only] = inputs;
  if (/\.npy$/i.test(file)) {
    if (inputs.length !== 1) {
      throw invalid(
        `${file}: one array, and the model takes ${inputs.length} inputs (${taken}); save them together as .npz`,
      );
    }
    return new Map([[only!.name, checked(file, tensors[0]!, only!)]]);
  }
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const names = new Set(inputs.map(({ name }) => name));
  const extra = tensors.filter(({ name }) => !names.has(name)).map(({ name }) => name);
  const arrays = inputs.map((input): [string, TensorInfo] => {
    const array = byName.get(input.name);
    if (array) return [input.name, checked(file, array, input)];
    const has = tensors.map(({ name }) => name).join(', ');
    throw invalid(`${file}: has no array "${input.name}" (it has ${has}); the model takes ${taken}`);
  });
  if (extra.length > 0) notes.add(`Arrays that are no inputs of the model were left out: ${extra.join(', ')}.`);
  return new Map(arrays);
}

function checked(file: string, array: TensorInfo, input: ModelValue): TensorInfo {
  const type = TYPES[array.dtype];
  if (type !== input.type) {
    const wanted = NUMPY[input.type] ?? `np.${input.type}`;
    throw invalid(
      `${file}: "${array.name}" is ${type ?? array.dtype}, and the model takes ${input.type}; save it with .astype(${wanted})`,
    );
  }
  // onnxruntime tells of a scalar and of a shape that is not known alike.
  const fits =
    input.shape.length === 0 ||
    (array.shape.length === input.shape.length &&
      array.shape.every((size, axis) => {
        const fixed = input.shape[axis]!;
        return (
          typeof fixed !== 'number' || fixed < 0 || size === fixed || (axis === 0 && size > 0 && size % fixed === 0)
        );
      }));
  if (fits) return array;
  throw invalid(
    `${file}: "${array.name}" has the shape [${array.shape.join(', ')}], and the model takes ${valueText(input)}`,
  );
}

/** One empty array beside others is what some models take: a cache of no tokens yet. */
function assertElements(file: string, arrays: ReadonlyMap<string, TensorInfo>): void {
  if (arrays.size === 0 || [...arrays.values()].some(({ shape }) => !shape.includes(0))) return;
  throw invalid(`${file}: its arrays have no elements, so nothing would be computed; give at least one sample`);
}

/** How many runs a file gives: arrays may have several times the fixed first size of their inputs. */
function splits(file: string, arrays: ReadonlyMap<string, TensorInfo>, inputs: readonly ModelValue[]): number {
  const counts = inputs.map((input) => splitsOf(input, arrays.get(input.name)!.shape));
  const several = [...new Set(counts.filter((count) => count > 1))];
  if (several.length <= 1) return several[0] ?? 1;
  throw invalid(`${file}: its arrays are for ${several.join(' and ')} runs of the model; give each the same number`);
}

function splitsOf({ shape: [first] }: ModelValue, [size = 1]: readonly number[]): number {
  return typeof first === 'number' && first > 0 ? size / first : 1;
}

function readFeeds({ file, of }: Run, inputs: readonly ModelValue[], signal: AbortSignal): Promise<Feeds> {
  return opened(file, signal, async (checkpoint) => {
    const arrays = arraysOf(checkpoint, inputs, new Set());
    const feeds: Record<string, Feed> = {};
    for (const input of inputs) {
      const array = arrays.get(input.name)!;
      const count = splitsOf(input, array.shape);
      const size = (array.shape[0] ?? 1) / count;
      const rows = count > 1 ? { start: of * size, end: (of + 1) * size } : undefined;
      const bytes = await checkpoint.read(array, rows, signal);
      assertFinite(file, array, bytes);
      feeds[input.name] = { type: input.type, shape: count > 1 ? [size, ...array.shape.slice(1)] : array.shape, bytes };
    }
    return feeds;
  });
}

function assertFinite(file: string, { name, dtype }: TensorInfo, bytes: Uint8Array): void {
  if (!dtype.startsWith('F')) return;
  const values = widen(bytes, dtype);
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw invalid(`${file}: "${name}" holds ${values[at]!} (element ${at}); take such samples out`);
}
