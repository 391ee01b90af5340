/**
 * Pipelines of diffusers: a folder with a `model_index.json` that names its parts (`"unet": ["diffusers",
 * "UNet2DConditionModel"]`), each in the folder of its name with weights of its own. Shown as one checkpoint whose
 * tensors have the part in front of their names, `unet/down_blocks.0.…`.
 *
 * @see https://github.com/huggingface/diffusers src/diffusers/pipelines/pipeline_utils.py (`DiffusionPipeline`)
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { PIPELINE_INDEX } from '../../shared/names/checkpointNames';
import type { Checkpoint, CheckpointFormat } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { findInFolder, type FolderContent } from './folder';
import { readJsonObject } from '../files/jsonFile';
import { joinedCheckpoint, JoinedTensor } from './joinedCheckpoint';
import { ProblemList } from '../problemList';
import { siblingPath } from '../files/siblingPath';
import { weightFilesOf } from '../wrappedCheckpoint';

export const DIFFUSERS = 'diffusers';

/** Real ones have about 1 kB. */
const MAX_INDEX_BYTES = 1024 * 1024;

/** The largest pipelines have about a dozen. */
const MAX_PARTS = 100;

/** Names of parts are names of Python attributes, and of folders beside the index. */
const PART_NAME = /^[A-Za-z]\w*$/;

/** Classes that have no weights, whatever the pipeline: their folder may be missing. */
const WITHOUT_WEIGHTS = /(Tokenizer(Fast)?|Scheduler|Processor|FeatureExtractor)$/;

/** Opens what was found in a part's folder, as anything but a pipeline: parts have no parts. */
export type OpenWeights = (folder: string, found: FolderContent, signal?: AbortSignal) => Promise<Checkpoint>;

interface Part {
  readonly name: string;
  readonly className: string;
}

/** A part with its weights, or why it has none. */
interface OpenedPart extends Part {
  readonly checkpoint?: Checkpoint;
  readonly note: string;
  readonly problem?: CheckpointError;
}

export function diffusersFormat(open: OpenWeights): CheckpointFormat {
  return {
    name: DIFFUSERS,
    // The configuration of each part has the same keys: only the name tells.
    matches: (file) => path.basename(file).toLowerCase() === PIPELINE_INDEX,
    async open(file, signal) {
      const index = await readJsonObject(file, MAX_INDEX_BYTES, signal);
      const problems = new ProblemList(file);
      const parts = partsOf(index, file, problems);
      const folder = path.dirname(file);
      const opened: OpenedPart[] = [];
      try {
        for (const part of parts) opened.push(await openPart(folder, part, open, signal));
        return pipelineOf(file, index, opened, problems);
      } catch (error) {
        for (const { checkpoint } of opened) await checkpoint?.close();
        throw error;
      }
    },
  };
}

function partsOf(index: Readonly<Record<string, unknown>>, file: string, problems: ProblemList): Part[] {
  const parts: Part[] = [];
  for (const [name, value] of Object.entries(index)) {
    // Options have other values; [null, null] is a part that the pipeline does without.
    const className: unknown = Array.isArray(value) && value.length === 2 ? value[1] : undefined;
    if (typeof className !== 'string') continue;
    if (parts.length >= MAX_PARTS) {
      throw new CheckpointError('limit', `names more than ${MAX_PARTS} parts`, { file });
    }
    if (PART_NAME.test(name)) parts.push({ name, className: className.slice(0, 200) });
    else {
      const shown = JSON.stringify(name.slice(0, 200));
      problems.add('malformed', `names the part ${shown}, which is not a folder beside it and is not opened`);
    }
  }
  return parts;
}

async function openPart(pipeline: string, part: Part, open: OpenWeights, signal?: AbortSignal): Promise<OpenedPart> {
  const folder = siblingPath(pipeline, part.name)!;
  try {
    const found = await weightsOf(folder);
    if (!found) return { ...part, note: 'no weights' };
    const others = found.kind === 'file' ? found.others : [];
    const checkpoint = await open(folder, found, signal);
    const read =
      path.relative(folder, checkpoint.path) || `${found.kind === 'shards' ? found.names.length : ''} shards`;
    return { ...part, checkpoint, note: others.length > 0 ? `${read}; not read: ${others.join(', ')}` : read };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    const missing = error.code === 'not-found';
    if (missing && WITHOUT_WEIGHTS.test(part.className)) return { ...part, note: 'missing, without weights' };
    const problem = missing
      ? new CheckpointError('missing-shard', `the part ${part.name} is missing`, { file: folder, cause: error })
      : error;
    return { ...part, note: missing ? 'missing' : 'cannot be read', problem };
  }
}

/** Undefined if the part has no weights: a tokenizer, a scheduler. @throws CheckpointError `not-found` without the folder */
async function weightsOf(folder: string): Promise<FolderContent | undefined> {
  try {
    return await findInFolder(folder);
  } catch (error) {
    if (error instanceof CheckpointError && error.code === 'not-found' && (await exists(folder))) return undefined;
    throw error;
  }
}

async function exists(folder: string): Promise<boolean> {
  return (await stat(folder).catch(() => undefined)) !== undefined;
}

/** @throws CheckpointError where no part has weights that can be read */
function pipelineOf(
  file: string,
  index: Readonly<Record<string, unknown>>,
  parts: readonly OpenedPart[],
  problems: ProblemList,
): Checkpoint {
  for (const { name, checkpoint, problem } of parts) {
    if (problem) problems.push(problem.toProblem());
    for (const found of checkpoint?.problems ?? []) {
      problems.push({ ...found, ...(found.tensor !== undefined && { tensor: prefixed(name, found.tensor) }) });
    }
  }
  if (!parts.some(({ checkpoint }) => checkpoint)) {
    const message = 'names no part with weights in its folder';
    throw parts.find(({ problem }) => problem)?.problem ?? new CheckpointError('not-found', message, { file });
  }
  const opened = parts.flatMap(({ checkpoint }) => checkpoint ?? []);
  return joinedCheckpoint(
    {
      path: file,
      format: DIFFUSERS,
      files: [file, ...opened.flatMap(({ files }) => files)],
      weightFiles: opened.reduce((sum, checkpoint) => sum + weightFilesOf(checkpoint), 0),
      metadata: metadataOf(index, parts),
      tensors: parts.flatMap(({ name, checkpoint }) => (checkpoint ? tensorsOf(name, checkpoint) : [])),
      problems: problems.list(),
      unsavable: 'is a pipeline of several models, each in files of its own',
    },
    opened,
  );
}

/** A part's tensors, with the part in front of their names. */
function tensorsOf(part: string, checkpoint: Checkpoint): JoinedTensor[] {
  return checkpoint.tensors.map((tensor) => {
    const { name, alias, sharedWith } = tensor;
    const info = {
      ...tensor,
      name: prefixed(part, name),
      ...(alias !== undefined && { alias: prefixed(part, alias) }),
      ...(sharedWith !== undefined && { sharedWith: prefixed(part, sharedWith) }),
    };
    return new JoinedTensor(info, checkpoint, tensor);
  });
}

/** What the index says, with what was found of each part. */
function metadataOf(
  index: Readonly<Record<string, unknown>>,
  parts: readonly OpenedPart[],
): Readonly<Record<string, string>> {
  const options = Object.entries(index)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([key, value]) => [key, String(value)] as const);
  const found = parts.map(({ name, className, note }) => [name, `${className} (${note})`] as const);
  return Object.fromEntries([...options, ...found]);
}

function prefixed(part: string, name: string): string {
  return `${part}/${name}`;
}
