/**
 * What a model's files say of its quantisation: `quantization_config` (Hugging Face) or `quantization` (MLX) in the
 * `config.json` beside the checkpoint, or the older `quantize_config.json` (AutoGPTQ) and `quant_config.json` (AutoAWQ).
 *
 * @see https://huggingface.co/docs/transformers/main_classes/quantization
 */
import path from 'node:path';
import { CheckpointError } from '../checkpointError';
import { isObject, readJsonObject } from '../files/jsonFile';

/** Larger ones are no model configurations. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

type Fields = Readonly<Record<string, unknown>>;

/** In the order in which they are looked for; `key` is where the fields are, without it they are the file's own. */
const PLACES: readonly { readonly file: string; readonly key?: string }[] = [
  { file: 'config.json', key: 'quantization_config' },
  { file: 'config.json', key: 'quantization' },
  { file: 'quantize_config.json' },
  { file: 'quant_config.json' },
];

export interface QuantisationConfig {
  /** The file that was found; undefined where none says anything. */
  readonly file?: string;
  readonly fields: Fields;
}

/**
 * @param folder of the checkpoint
 * @throws CheckpointError `malformed` where a file is there that cannot be read, with its name
 */
export async function readQuantisationConfig(folder: string, signal?: AbortSignal): Promise<QuantisationConfig> {
  const files = new Map<string, Fields | undefined>();
  for (const { file, key } of PLACES) {
    const full = path.join(folder, file);
    if (!files.has(file)) files.set(file, await readObject(full, signal));
    const content = files.get(file);
    const fields = key === undefined || !content ? content : own(content, key);
    if (isObject(fields)) return { file: full, fields };
  }
  return { fields: {} };
}

/** A field of the object's own; undefined where it has none. */
export function own(fields: Fields, key: string): unknown {
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}

/** A field that is a whole number above 0. */
export function size(fields: Fields, key: string): number | undefined {
  const value = own(fields, key);
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

/** A field that is text, in lower case: programs write `GEMM` and `gemm`. */
export function word(fields: Fields, key: string): string | undefined {
  const value = own(fields, key);
  return typeof value === 'string' ? value.toLowerCase() : undefined;
}

async function readObject(file: string, signal?: AbortSignal): Promise<Fields | undefined> {
  try {
    return await readJsonObject(file, MAX_CONFIG_BYTES, signal);
  } catch (error) {
    if (error instanceof CheckpointError && error.code === 'not-found') return undefined;
    throw error;
  }
}
