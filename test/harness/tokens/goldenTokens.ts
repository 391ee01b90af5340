/** The tokenizers of test/golden/tokens, and the ids that Hugging Face's library gave for some texts. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../shared';

interface Stored {
  readonly name: string;
  readonly model: string;
  readonly ids: readonly (readonly number[])[];
}

export interface GoldenTokenizer {
  readonly name: string;
  /** What its tokenizer.json says. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Ids of each text. */
  readonly ids: readonly (readonly number[])[];
}

const FOLDER = path.join(repositoryRoot, 'test', 'golden', 'tokens');

function stored(): { texts: string[]; models: Record<string, object>; tokenizers: Stored[] } {
  return JSON.parse(readFileSync(path.join(FOLDER, 'tokens.json'), 'utf8')) as ReturnType<typeof stored>;
}

export function goldenTokenizers(): { texts: readonly string[]; tokenizers: readonly GoldenTokenizer[] } {
  const { texts, models, tokenizers } = stored();
  const made = tokenizers.map(({ name, model, ids, ...steps }) => ({
    name,
    json: { ...steps, model: models[model]! },
    ids,
  }));
  return { texts, tokenizers: made };
}

/** A model of test/golden/tokens: what the `model` of a tokenizer.json says. */
export function goldenModel(name: string): { vocab: Record<string, number>; merges: (string | string[])[] } {
  return (stored().models as Record<string, { vocab: Record<string, number>; merges: (string | string[])[] }>)[name]!;
}

/** Ids of the same texts that llama.cpp gave for vocabularies in GGUF, by the files' names. */
export function llamaCppIds(): Readonly<Record<string, readonly (readonly number[])[]>> {
  return JSON.parse(readFileSync(path.join(FOLDER, 'gguf.json'), 'utf8')) as Record<string, number[][]>;
}

/** Texts of a vocabulary in the order of their ids. */
export function inOrder(vocab: Readonly<Record<string, number>>): string[] {
  return Object.keys(vocab).sort((a, b) => vocab[a]! - vocab[b]!);
}
