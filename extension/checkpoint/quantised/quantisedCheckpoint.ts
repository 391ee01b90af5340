/**
 * A checkpoint whose quantised weights are shown as one tensor each, of its true shape and decoded as it is read,
 * where the file holds codes, scales and zero points. Known by the names and shapes of the parts; where those
 * contradict one another, the parts stay as they are and a problem says why.
 */
import type { Problem } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import { awq } from './awq';
import { bitsandbytes4, bitsandbytes8 } from './bitsandbytes';
import { type Checkpoint, type StoredPart, type TensorInfo } from '../checkpoint';
import { isQuantisationSetting } from './comfyQuant';
import { packedInteger } from './compressedTensors';
import { fp4, fp4Blocks } from './fp4';
import { gptq } from './gptq';
import { mlx } from './mlx';
import { ProblemList } from '../problemList';
import { readQuantisationConfig, type QuantisationConfig } from './quantisationConfig';
import {
  PartReader,
  quantisedInfo,
  WeightParts,
  type QuantisationScheme,
  type QuantisedWeight,
} from './quantisedWeight';
import { bandBytes, type RowRange } from '../elements/rowBand';
import { scaled } from './scaledWeight';
import { elementCount } from '../elements/shape';
import { folderOf } from '../files/siblingPath';
import { wrapCheckpoint } from '../wrappedCheckpoint';

const SCHEMES: readonly QuantisationScheme[] = [
  gptq,
  awq,
  bitsandbytes4,
  bitsandbytes8,
  packedInteger,
  fp4,
  fp4Blocks,
  scaled,
  mlx,
];

/** In the order in which they are tried. */
const MARKED_SCHEMES = SCHEMES.flatMap((scheme) => scheme.marks.map((mark) => ({ mark, scheme })));

/** Formats that quantised models are published in. */
const FORMATS: ReadonlySet<string> = new Set(['safetensors', 'pytorch']);

interface Replaced {
  readonly info: TensorInfo;
  readonly weight: QuantisedWeight;
}

/**
 * The checkpoint itself where none of its weights are quantised.
 *
 * @throws CheckpointError, AbortError; the checkpoint is then closed
 */
export async function withQuantisedWeights(checkpoint: Checkpoint, signal?: AbortSignal): Promise<Checkpoint> {
  if (!FORMATS.has(checkpoint.format) || !checkpoint.tensors.some(({ name }) => isMarked(name))) return checkpoint;
  try {
    const problems = new ProblemList(checkpoint.path);
    const config = await configOf(checkpoint, problems, signal);
    const replaced = await findWeights(checkpoint, config, problems, signal);
    if (replaced.length === 0 && problems.list().length === 0) return checkpoint;
    return withWeights(checkpoint, replaced, config.file, problems.list());
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

function isMarked(name: string): boolean {
  return MARKED_SCHEMES.some(({ mark }) => name.endsWith(mark));
}

async function configOf(
  checkpoint: Checkpoint,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<QuantisationConfig> {
  try {
    return await readQuantisationConfig(folderOf(checkpoint), signal);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    problems.push(error.toProblem());
    return { fields: {} };
  }
}

async function findWeights(
  checkpoint: Checkpoint,
  config: QuantisationConfig,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<Replaced[]> {
  const tensors = new Map<string, TensorInfo>();
  for (const tensor of checkpoint.tensors) tensors.set(tensor.name, tensor);
  const parts = new WeightParts(tensors, config, partReader(checkpoint, signal));
  const taken = new Set<string>();
  const named = new Set<string>();
  const replaced: Replaced[] = [];
  for (const tensor of checkpoint.tensors) {
    for (const { mark, scheme } of MARKED_SCHEMES) {
      if (!tensor.name.endsWith(mark) || taken.has(tensor.name)) continue;
      signal?.throwIfAborted();
      try {
        const weight = await scheme.weight(tensor.name.slice(0, -mark.length), mark, parts);
        if (!weight) continue;
        if (named.has(weight.name)) throw new CheckpointError('malformed', `other parts make up ${weight.name}, too`);
        replaced.push(replacement(weight, tensor, tensors, taken));
        named.add(weight.name);
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        const { code, reason } = error;
        problems.add(code, `is quantised, but ${reason}`, { tensor: tensor.name });
        taken.add(tensor.name);
      }
    }
  }
  return replaced;
}

/** @throws CheckpointError `malformed` where the weight cannot stand beside the others */
function replacement(
  weight: QuantisedWeight,
  mark: TensorInfo,
  tensors: ReadonlyMap<string, TensorInfo>,
  taken: Set<string>,
): Replaced {
  const { name, shape, parts } = weight;
  const shared = parts.find((part) => taken.has(part.name));
  if (shared) throw new CheckpointError('malformed', `its part ${shared.name} belongs to another weight, too`);
  if (tensors.has(name) && !parts.some((part) => part.name === name)) {
    throw new CheckpointError('malformed', `there is a tensor ${name} beside its parts`);
  }
  if (typeof elementCount(shape) === 'string') throw new CheckpointError('malformed', `it ${elementCount(shape)}`);
  for (const part of parts) taken.add(part.name);
  return { info: quantisedInfo(weight, mark.group), weight };
}

function partReader(checkpoint: Checkpoint, signal?: AbortSignal): PartReader {
  return new PartReader((tensor, rows) => checkpoint.read(tensor, rows, signal));
}

function withWeights(
  stored: Checkpoint,
  replaced: readonly Replaced[],
  configFile: string | undefined,
  problems: readonly Problem[],
): Checkpoint {
  const weights = new Map(replaced.map((weight) => [weight.info.name, weight]));
  return wrapCheckpoint(stored, {
    // What the weights mean depends on it.
    files: configFile === undefined ? stored.files : [...stored.files, configFile],
    problems: [...stored.problems, ...problems],
    tensors: withWeightsInPlace(stored.tensors, replaced),
    read(tensor, rows, signal) {
      const found = weights.get(tensor.name);
      return found ? readWeight(stored, found, rows, signal) : stored.read(tensor, rows, signal);
    },
    storedParts(tensor) {
      const found = weights.get(tensor.name);
      if (!found) return stored.storedParts?.(tensor);
      return found.weight.parts.flatMap((part) => stored.storedParts?.(part) ?? [plainPart(stored, part)]);
    },
    storedBytes: (tensor) => (weights.has(tensor.name) ? undefined : stored.storedBytes?.(tensor)),
  });
}

async function readWeight(
  stored: Checkpoint,
  { info, weight }: Replaced,
  rows?: RowRange,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const where = { file: stored.path, tensor: info.name };
  if (weight.unreadable !== undefined) throw new CheckpointError('unsupported', weight.unreadable, where);
  bandBytes(info, rows);
  try {
    const elements = await weight.decode(rows ?? { start: 0, end: info.shape[0]! }, partReader(stored, signal));
    return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(error.code, error.reason, { file: stored.path, ...error.where, tensor: info.name });
  }
}

function plainPart(stored: Checkpoint, part: TensorInfo): StoredPart {
  const { name, dtype, shape, byteLength } = part;
  const rowBytes = byteLength / (shape[0] ?? 1);
  const read: StoredPart['read'] = async (start, end, signal) => {
    const rows = { start: Math.floor(start / rowBytes), end: Math.ceil(end / rowBytes) };
    const bytes = await stored.read(part, rows, signal);
    return bytes.subarray(start - rows.start * rowBytes, end - rows.start * rowBytes);
  };
  return { name, dtype, shape, byteLength, read };
}

/** Each weight where its first part stood. */
function withWeightsInPlace(tensors: readonly TensorInfo[], replaced: readonly Replaced[]): TensorInfo[] {
  const weightOf = new Map<string, TensorInfo>();
  for (const { info, weight } of replaced) for (const { name } of weight.parts) weightOf.set(name, info);
  const weights = new Set(replaced.map(({ info }) => info.name));
  const placed = new Set<TensorInfo>();
  for (const tensor of tensors) {
    const weight = weightOf.get(tensor.name);
    if (weight) placed.add(weight);
    else placed.add(isQuantisationSetting(tensor, weights) ? { ...tensor, notModel: 'quantisation setting' } : tensor);
  }
  return [...placed];
}
