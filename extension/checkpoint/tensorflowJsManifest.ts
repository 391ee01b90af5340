/** What `model.json` says about weights; the model's topology is skipped unread. */
import { CheckpointError } from './checkpoint';
import { objectEntries, parseValue } from './jsonObject';

/** 200 000 weights at 150 bytes each; bounds what parsing can build. */
const MAX_MANIFEST_BYTES = 32_000_000;

/** Of 4 MB each, as converters write them: 40 GB. Bounds the time in which they are looked for. */
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

/** @throws JsonSyntaxError; CheckpointError `malformed`, `limit`, `unknown-format` where there is no manifest */
export function readModelJson(json: Buffer, start: number, file: string): ModelJson {
  const metadata = new Map<string, string>();
  let groups: WeightGroup[] | undefined;
  for (const { key, start: at, end } of objectEntries(json, start)) {
    if (key === 'weightsManifest') {
      if (end - at > MAX_MANIFEST_BYTES) {
        const message = `"weightsManifest" has ${end - at} bytes; more than ${MAX_MANIFEST_BYTES} are not read`;
        throw new CheckpointError('limit', message, { file, offset: at });
      }
      groups = parseGroups(parseValue(json, at, end), file, at);
    } else if (json[at] === QUOTE) {
      metadata.set(key, parseValue(json, at, end) as string);
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

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
