/**
 * Beside the parts of a compressed weight, or of an adapter, the one matrix that they stand for. One file a family of names;
 * LoRA adapters of PEFT have theirs in `loraAdapter.ts`.
 */
import type { Checkpoint, TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { widen } from '../elements/dtype';
import { concurrently } from '../files/concurrently';
import { ProblemList } from '../problemList';
import { hasManifest, manifestWeights } from '../parts/partsManifest';
import { factorPairs, mayBePairFactor } from './factorPairs';
import { folderOf } from '../files/siblingPath';
import { isLycorisMember, lycorisWeights, readLycorisConfig, type LycorisConfig } from './lycorisAdapter';
import { isNunchakuFactor, nunchakuBranches } from './nunchaku';
import { withMadeWeights, type MadeWeight } from './madeWeights';
import { hasNote, notedFactors } from './notedFactors';
import { isBasis, sharedBases } from './sharedBases';

const ALPHA = '.alpha';

/** Small reads at a time. */
const READS_AT_ONCE = 8;

const REMEDY = 'fetch it again, or save it anew';

/**
 * The checkpoint itself if it has no such parts.
 *
 * @param config fields of the model's configuration
 * @throws DOMException `AbortError`, CheckpointError; the checkpoint is then closed
 */
export async function withFactoredWeights(
  checkpoint: Checkpoint,
  config: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Promise<Checkpoint> {
  const { tensors, metadata } = checkpoint;
  const names = tensors.map(({ name }) => name);
  const has = {
    pairs: names.some(mayBePairFactor),
    bases: names.some(isBasis),
    note: hasNote(metadata),
    manifest: hasManifest(metadata),
    lycoris: names.some(isLycorisMember),
    nunchaku: names.some(isNunchakuFactor),
  };
  if (!Object.values(has).some(Boolean)) return checkpoint;
  try {
    const problems = new ProblemList(checkpoint.path);
    const refuse = (tensor: string | undefined, message: string): void =>
      problems.add('unsupported', message, { ...(tensor !== undefined && { tensor }), remedy: REMEDY });
    const alphas = has.pairs || has.lycoris ? await readAlphas(checkpoint, signal) : new Map<string, number | string>();
    const alpha = (module: string): number | string | undefined => alphas.get(module);
    const lycoris = has.lycoris ? await lycorisConfig(checkpoint, problems, signal) : undefined;
    const found: MadeWeight[] = [
      ...(has.manifest ? manifestWeights(tensors, metadata, refuse) : []),
      ...(has.note ? notedFactors(tensors, metadata, refuse) : []),
      ...(has.pairs ? factorPairs({ format: checkpoint.format, tensors, alpha, refuse }) : []),
      ...(has.lycoris ? lycorisWeights({ tensors, config: lycoris, alpha, refuse }) : []),
      ...(has.nunchaku ? nunchakuBranches(tensors, refuse) : []),
      ...(has.bases ? sharedBases(tensors, config, refuse) : []),
    ];
    const weights = withoutTwins(found, new Set(names));
    const files = lycoris ? [lycoris.file] : [];
    return withMadeWeights(checkpoint, { weights, problems: problems.list(), files });
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

/** @throws AbortError; a configuration that cannot be read is a problem */
async function lycorisConfig(
  checkpoint: Checkpoint,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<LycorisConfig | undefined> {
  try {
    return await readLycorisConfig(folderOf(checkpoint), signal);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    problems.push(error.toProblem());
    return undefined;
  }
}

/** One weight of a name, and none of a name that is stored. */
function withoutTwins(weights: readonly MadeWeight[], stored: ReadonlySet<string>): MadeWeight[] {
  const taken = new Set(stored);
  return weights.filter(({ info: { name } }) => {
    const free = !taken.has(name);
    taken.add(name);
    return free;
  });
}

/** α of each module of an adapter, or why it is none. @throws AbortError */
async function readAlphas(checkpoint: Checkpoint, signal?: AbortSignal): Promise<Map<string, number | string>> {
  const tensors = checkpoint.tensors.filter(({ name }) => name.endsWith(ALPHA));
  const alphas = await concurrently(tensors, READS_AT_ONCE, async (tensor) => {
    return [tensor.name.slice(0, -ALPHA.length), await readAlpha(checkpoint, tensor, signal)] as const;
  });
  return new Map(alphas);
}

async function readAlpha(checkpoint: Checkpoint, tensor: TensorInfo, signal?: AbortSignal): Promise<number | string> {
  const { name, shape, dtype, unreadable } = tensor;
  if (unreadable !== undefined || shape.some((size) => size !== 1) || dtype.startsWith('C') || dtype === 'BOOL') {
    return `${name} is no number`;
  }
  const [alpha] = widen(await checkpoint.read(tensor, undefined, signal), dtype);
  return Number.isFinite(alpha) ? alpha! : `${name} is ${alpha}`;
}
