/**
 * The hostile corpus: named damaged files that every reader must survive, beside the fuzzer's random ones. A format's
 * `…Corpus.ts` gives sound sources with, for each file, where its lengths, offsets and counts stand (`Field`s, most easily
 * by walking the bytes with a `LayoutReader`), and its `special` cases: cycles, nesting, repeated names, bombs, counts of
 * 10⁹, paths (`../outside` is laid for them). List it in `corpora.ts`; `corpus.test.ts` then runs it in the fuzzer's worker
 * under the fuzzer's checks. One case again: `npm run fuzz -- --corpus --format F --case N`.
 */
import type { Source } from '../source';
import { cuts, wrongNumbers, type Field } from './fields';

export interface Corpus {
  readonly source: Source;
  /** Fields of the files that are cut, and whose numbers are changed; files by name in the source's folder. */
  readonly fields?: Readonly<Record<string, (bytes: Buffer) => readonly Field[]>>;
  readonly special?: readonly SpecialCase[];
}

/** One file of a source replaced by another. */
export interface CorpusCase {
  readonly name: string;
  /** In the source's folder. */
  readonly file: string;
  readonly bytes: (sound: Buffer) => Uint8Array;
  /** The file's length where it is longer than its bytes: zeros follow, which the disk need not hold. */
  readonly length?: number;
  /** True where opening it without an error or a problem is a fault. */
  readonly told: boolean;
}

export interface SpecialCase extends Omit<CorpusCase, 'told'> {
  /** True where the file is unusual but sound, or what is wrong with it cannot be known. */
  readonly harmless?: true;
}

/** All cases of one source whose files are `sound`, always in the same order: special ones first. */
export function corpusCases({ fields = {}, special = [] }: Corpus, sound: (file: string) => Buffer): CorpusCase[] {
  const made = Object.entries(fields).flatMap(([file, find]) => {
    const original = sound(file);
    const found = find(original);
    return [...cuts(original, found), ...wrongNumbers(original, found)].map(({ name, bytes }): CorpusCase => ({
      name,
      file,
      bytes,
      told: false,
    }));
  });
  return [...special.map(({ harmless, ...rest }) => ({ ...rest, told: !harmless })), ...made];
}
