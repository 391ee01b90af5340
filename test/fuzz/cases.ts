/** The cases of a run, by number: each damages one bench. */
import path from 'node:path';
import { Bench } from './bench';
import { corporaOf } from './corpus/corpora';
import { corpusCases } from './corpus/corpus';
import type { FuzzJob } from './fuzzMessages';
import { mutate } from './mutate';
import type { Random } from './random';
import { fuzzSources } from './sources';

export interface Case {
  readonly bench: Bench;
  /** Source, file and damage. */
  readonly description: string;
  /** True where opening it without an error or a problem is a fault. */
  readonly told: boolean;
}

export interface Cases {
  readonly benches: readonly Bench[];
  /** Does the damage. */
  make(index: number, random: Random): Case;
}

/** Lays the sources that the job needs into its folder. */
export function casesOf({ origin, format, folder }: Pick<FuzzJob, 'origin' | 'format' | 'folder'>): Cases {
  return origin === 'corpus' ? corpusOf(format, folder) : randomCases(format, folder);
}

function randomCases(format: string, folder: string): Cases {
  const benches = laid(fuzzSources().get(format), format, (source, place) => new Bench(source, place), folder);
  return {
    benches,
    make: (index, random) => {
      const bench = benches[index % benches.length]!;
      const file = random.pick(bench.source.damage);
      const { bytes, description } = mutate(bench.sound(file), random);
      bench.damage(file, bytes);
      return { bench, description: `${bench.source.name}, ${file}: ${description}`, told: false };
    },
  };
}

/** The corpus of one format, laid into a folder: the special cases of all its sources first. */
export function corpusOf(
  format: string,
  folder: string,
): Cases & { readonly count: number; readonly specialCount: number } {
  const made = laid(
    corporaOf(format),
    format,
    (corpus, place) => {
      const bench = new Bench(corpus.source, place);
      const cases = corpusCases(corpus, (file) => bench.sound(file)).map((found) => ({ bench, found }));
      const count = corpus.special?.length ?? 0;
      return { bench, special: cases.slice(0, count), others: cases.slice(count) };
    },
    folder,
  );
  const special = made.flatMap((each) => each.special);
  const all = [...special, ...made.flatMap(({ others }) => others)];
  return {
    benches: made.map(({ bench }) => bench),
    count: all.length,
    specialCount: special.length,
    make: (index) => {
      const { bench, found } = all[index]!;
      const { name, file, bytes, length, told } = found;
      bench.damage(file, bytes(bench.sound(file)), length);
      return { bench, description: `${bench.source.name}, ${file}: ${name}`, told };
    },
  };
}

/** Each item in a folder of its own. */
function laid<Item, Made>(
  items: readonly Item[] | undefined,
  format: string,
  make: (item: Item, folder: string) => Made,
  folder: string,
): Made[] {
  if (!items) throw new Error(`no sources of format ${format}`);
  return items.map((item, index) => make(item, path.join(folder, String(index))));
}
