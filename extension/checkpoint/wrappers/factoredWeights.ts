/**
 * Beside the parts of a compressed weight, or of an adapter, the one matrix that they stand for. One file a family of names;
 * LoRA adapters of PEFT have theirs in `loraAdapter.ts`.
 */
import type { Checkpoint, TensorInfo } from '../checkpoint';
import { widen } from '../elements/dtype';
import { concurrently } from '../files/concurrently';
import { ProblemList } from '../problemList';
import { hasManifest, manifestWeights } from '../parts/partsManifest';
import { factorPairs, mayBePairFactor } from './factorPairs';
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
  };
  if (!Object.values(has).some(Boolean)) return checkpoint;
  try {
    const problems = new ProblemList(checkpoint.path);
    const refuse = (tensor: string | undefined, message: string): void =>
      problems.add('unsupported', message, { ...(tensor !== undefined && { tensor }), remedy: REMEDY });
    const alphas = has.pairs ? await readAlphas(checkpoint, signal) : new Map<string, number | string>();
    const alpha = (module: string): number | string | undefined => alphas.get(module);
    const found: MadeWeight[] = [
      ...(has.manifest ? manifestWeights(tensors, metadata, refuse) : []),
      ...(has.note ? notedFactors(tensors, metadata, refuse) : []),
      ...(has.pairs ? factorPairs({ format: checkpoint.format, tensors, alpha, refuse }) : []),
      ...(has.bases ? sharedBases(tensors, config, refuse) : []),
    ];
    const weights = withoutTwins(found, new Set(names));
    return withMadeWeights(checkpoint, { weights, problems: problems.list() });
  } catch (error) {
    await checkpoint.close();
    throw error;
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
