/** What `model.json` says about weights; the model's topology is skipped unread. */
import { CheckpointError } from '../checkpointError';
import { MAX_METADATA_ENTRIES } from '../files/headerMetadata';
import { objectEntries, parseValue } from '../files/jsonObject';
import type { ProblemList } from '../problemList';

/** 25 000 weights at 150 bytes each; bounds what parsing can build: an empty entry of 3 bytes becomes some 150. */
const MAX_MANIFEST_BYTES = 4_000_000;

/** Characters of keys and texts beside the manifest: real files have three short ones. */
const MAX_METADATA_LENGTH = 1_000_000;

/** With 4 MB each, as converters write them: 40 GB. Bounds the time in which they are looked for. */
const MAX_WEIGHT_FILES = 10_000;

const QUOTE = 0x22;

/** Weights that lie one after the other in the files' joined bytes. */
export interface WeightGroup {
  readonly paths: readonly string[];
  /** Unchecked entries, see `parseWeight`. */
  readonly weights: readonly unknown[];
}

export interface ModelJson {
  readonly groups: readonly WeightGroup[];
  /** The top level's texts: `format`, `generatedBy`, `convertedBy`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Only the first entries of metadata are kept; a problem says so if there are more.
 *
 * @throws JsonSyntaxError; CheckpointError `malformed`, `limit`, `unknown-format` if there is no manifest
 */
export function readModelJson(json: Buffer, start: number, file: string, problems: ProblemList): ModelJson {
  const metadata = new Map<string, string>();
  let [length, full] = [0, false];
  let groups: WeightGroup[] | undefined;
  for (const { key, start: at, end } of objectEntries(json, start)) {
    if (key === 'weightsManifest') {
      if (end - at > MAX_MANIFEST_BYTES) {
        const message = `"weightsManifest" has ${end - at} bytes; more than ${MAX_MANIFEST_BYTES} are not read`;
        throw new CheckpointError('limit', message, { file, offset: at });
      }
      groups = parseGroups(parseValue(json, at, end), file, at);
    } else if (json[at] === QUOTE && !full) {
      // No text is longer than its bytes.
      length += key.length + end - at;
      full = metadata.size >= MAX_METADATA_ENTRIES || length > MAX_METADATA_LENGTH;
      if (!full) metadata.set(key, parseValue(json, at, end) as string);
      else
        problems.add('limit', `only the ${metadata.size} texts before ${JSON.stringify(shortened(key))} are shown`, {
          offset: at,
        });
    }
  }
  if (!groups) {
    throw new CheckpointError('unknown-format', 'has no "weightsManifest", so it is not a TensorFlow.js model', {
      file,
    });
  }
  return { groups, metadata: Object.fromEntries(metadata) };
}

function parseGroups(manifest: unknown, file: string, offset: number): WeightGroup[] {
  if (!Array.isArray(manifest)) {
    throw new CheckpointError('malformed', '"weightsManifest" is not a list', { file, offset });
  }
  let files = 0;
  return (manifest as unknown[]).map((group, position) => {
    const { paths, weights } = (group ?? {}) as Record<string, unknown>;
    if (!isTextList(paths) || !Array.isArray(weights)) {
      const message = `group ${position} of "weightsManifest" lacks a list of "paths" or "weights"`;
      throw new CheckpointError('malformed', message, { file, offset });
    }
    files += paths.length;
    if (files > MAX_WEIGHT_FILES) {
      const message = `"weightsManifest" names more than ${MAX_WEIGHT_FILES} weight files`;
      throw new CheckpointError('limit', message, { file, offset });
    }
    return { paths, weights: weights as unknown[] };
  });
}

/** Characters of a text of the file in a message. */
const SHOWN = 200;

export function shortened(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
