/** Files that are one of several which make up a model, by the numbers in their names. */

/** `model-00002-of-00007.safetensors`: prefix, number, count, ending. */
const SHARD = /^(.*)-(\d{5,})-of-(\d{5,})(\.safetensors|\.bin)$/;

/** A part of a model that llama.cpp's `gguf-split` wrote: each of them opens all. */
const PART = /^(.*-)(\d{5})(-of-(\d{5})\.gguf)$/i;

/** More files than any model has; a name that promises more is not believed. */
const MAX_FILES = 10_000;

export function isShardName(name: string): boolean {
  return SHARD.test(name);
}

/** Name of the index that a shard's name leads to: `model.safetensors.index.json`. Undefined if it is no shard. */
export function indexNameOf(name: string): string | undefined {
  const match = SHARD.exec(name);
  return match ? `${match[1]}${match[4]}.index.json` : undefined;
}

/** The ending of the shard's format; undefined if it is no shard. */
export function shardEnding(name: string): string | undefined {
  return SHARD.exec(name)?.[4];
}

/** All names of the one set that the candidates are shards of, missing ones too; undefined if they are not. */
export function shardSet(candidates: readonly string[]): readonly string[] | undefined {
  const parts = candidates.map((name) => SHARD.exec(name));
  const first = parts[0];
  if (!first || parts.some((part) => part?.[1] !== first[1] || part?.[3] !== first[3] || part?.[4] !== first[4]))
    return undefined;
  const [, prefix, number, count, suffix] = first as unknown as [string, string, string, string, string];
  const total = Number(count);
  if (total < 1 || total > MAX_FILES) return undefined;
  return Array.from(
    { length: total },
    (_, i) => `${prefix}-${String(i + 1).padStart(number.length, '0')}-of-${count}${suffix}`,
  );
}

/** Names of all GGUF parts that belong to this one; the file's own alone if it is no part. */
export function partNames(name: string): readonly string[] {
  const [, before, number, after, count] = PART.exec(name) ?? [];
  const total = Number(count);
  if (number === undefined || total < 1 || total > MAX_FILES || Number(number) < 1 || Number(number) > total) {
    return [name];
  }
  return Array.from({ length: total }, (_, i) => `${before}${String(i + 1).padStart(5, '0')}${after}`);
}

/** Without the GGUF parts that come after the first one there is of their model. Paths or names, in their order. */
export function withoutFurtherParts(files: readonly string[]): string[] {
  const first = new Map<string, string>();
  const model = (file: string): string => file.replace(PART, '$1$3');
  for (const file of files) {
    const known = first.get(model(file));
    if (PART.test(file) && (known === undefined || file < known)) first.set(model(file), file);
  }
  return files.filter((file) => !PART.test(file) || first.get(model(file)) === file);
}
