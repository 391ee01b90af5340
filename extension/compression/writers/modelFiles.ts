/**
 * The files beside a checkpoint that a saved model takes along, so that it loads: configuration, tokenizer, code, licence.
 * Only of a folder that is a model's: one with a `config.json`.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { FileReader } from '../../checkpoint/files/fileReader';
import { folderOf } from '../../checkpoint/files/siblingPath';
import type { Model } from '../../checkpoint/openModel';
import { PLAN_ENDING } from '../../shared/compression/plans';
import { mayBeCheckpoint } from '../../shared/names/checkpointNames';
import { CompressionError } from '../compressionError';
import { editedJson } from './editedJson';
import type { JsonValue, OutputFile, Piece } from './writer';

export const CONFIG_FILE = 'config.json';

/** What tokenizers, processors, configurations, code and licences are called. */
const TAKEN =
  /\.(json|jsonl|txt|md|py|model|jinja|tiktoken|bpe|vocab|spm|ya?ml)$|^(LICEN[CS]E|NOTICE|README|USE_POLICY)/i;

const BAND_BYTES = 8 * 1024 * 1024;

export interface FileBeside {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/** In alphabetical order; none if the folder has no `config.json`. @throws CheckpointError */
export async function filesBeside(checkpoint: Pick<Model, 'path' | 'files' | 'config'>): Promise<FileBeside[]> {
  if (checkpoint.config.source !== CONFIG_FILE) return [];
  const folder = folderOf(checkpoint);
  const found: FileBeside[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const isTaken = TAKEN.test(name) && !name.endsWith(PLAN_ENDING) && !name.startsWith('.');
    if (!isTaken || mayBeCheckpoint(name)) continue;
    const file = path.join(folder, name);
    const stats = await stat(file).catch(() => undefined);
    if (stats?.isFile()) found.push({ name, path: file, bytes: stats.size });
  }
  return found;
}

/** @param changes of `config.json`: it is copied as it is without any */
export async function copiedFiles(
  checkpoint: Pick<Model, 'path' | 'files' | 'config'>,
  changes: Readonly<Record<string, JsonValue>> = {},
): Promise<OutputFile[]> {
  const beside = await filesBeside(checkpoint);
  const files: OutputFile[] = [];
  for (const file of beside) {
    const isChanged = file.name === CONFIG_FILE && Object.keys(changes).length > 0;
    files.push(
      isChanged ? textFile(CONFIG_FILE, editedJson(await readFile(file.path, 'utf8'), changes)) : copiedFile(file),
    );
  }
  return files;
}

/** Changes that the pieces of groups want in the configuration. @throws CompressionError where two contradict */
export function configChanges(pieces: readonly Piece[]): Record<string, JsonValue> {
  const changes: Record<string, JsonValue> = {};
  for (const { of, config = {} } of pieces) {
    for (const [key, value] of Object.entries(config)) {
      if (key in changes && JSON.stringify(changes[key]) !== JSON.stringify(value)) {
        throw new CompressionError(
          'unsupported',
          `${of} needs ${key} ${JSON.stringify(value)} in the configuration, and another group ${JSON.stringify(changes[key])}; ` +
            'give all of them the same rank, or save with a layout that needs no configuration',
        );
      }
      changes[key] = value;
    }
  }
  return changes;
}

/** As `json.dumps(…, indent=2)` and transformers write it. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

export function textFile(name: string, text: string): OutputFile {
  const bytes = Buffer.from(text);
  return { path: name, bytes: bytes.length, pieces: [], write: (append) => append(bytes) };
}

export function copiedFile({ name, path: source, bytes }: FileBeside): OutputFile {
  return {
    ...{ path: name, bytes, pieces: [] },
    write: async (append, _, signal) => {
      const reader = await FileReader.open(source);
      try {
        if (reader.size !== bytes)
          throw new CompressionError('incomplete-source', 'changed while it was copied; save again', { file: source });
        for (let start = 0; start < bytes; start += BAND_BYTES) {
          await append(await reader.read(start, Math.min(BAND_BYTES, bytes - start), signal));
        }
        await reader.assertUnchanged();
      } finally {
        await reader.close();
      }
    },
  };
}
