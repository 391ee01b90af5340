/**
 * Statistics of the inputs of a language model's modules: Gram matrix, mean, mean magnitude and mean square, and the influence of
 * each block. They go to the file block by block, so that no more than one block's Gram matrices are in memory.
 */
import type { Append } from '../compression/appender';
import { writeAtomically } from '../compression/atomicFile';
import { layOut } from '../compression/safetensorsLayout';
import { InputSums } from '../compression/statistics/inputSums';
import {
  appendElements,
  influenceEntry,
  statisticsEntries,
  type StatisticsEntry,
} from '../compression/statistics/statisticsEntries';
import { SAME_INPUTS_KEY } from '../compression/statistics/statisticsFile';
import type { MultiplySingle } from '../linalg/products/singleProducts';
import { NOTE_KEY } from '../shared/compression/savedNote';
import type { CalibratedLayer } from '../shared/decoderRuns';
import { l10n } from '../shared/language/l10n';
import type { BlockDescription, Linear } from './families/family';
import type { Decoder } from './openDecoder';
import { passBlocks } from './pass/blockPass';
import type { Sessions } from './pass/sessions';
import { BlockInfluence } from './measures/blockInfluence';

/** Modules with the same inputs. */
interface Group {
  readonly key: string;
  readonly layers: readonly string[];
  readonly inputs: number;
  readonly withGram: boolean;
}

interface BlockStatistics {
  readonly block: BlockDescription;
  readonly groups: readonly Group[];
  readonly entries: readonly StatisticsEntry[];
}

export interface CalibrateOptions {
  readonly sessions: Sessions;
  /** Products of the Gram matrices. */
  readonly multiply: MultiplySingle;
  /** The new file. */
  readonly target: string;
  readonly overwrite: boolean;
  /** The model's files. */
  readonly protect: readonly string[];
  /** Bytes that the Gram matrices of one block may take. */
  readonly gramBytes: number;
  /** What the windows are, for the file. */
  readonly inputs: string;
  readonly signal?: AbortSignal;
  readonly progress?: (fraction: number, message: string) => void;
}

export interface Calibrated {
  readonly path: string;
  readonly bytes: number;
  readonly layers: readonly CalibratedLayer[];
  /** 1 − the mean cosine of what enters a block and what leaves it. */
  readonly influence: Readonly<Record<string, number>>;
}

/**
 * @param windows of equal length
 * @throws as `passBlocks`, `writeAtomically`; nothing is written then
 */
export async function calibrateDecoder(
  { description, weights }: Decoder,
  windows: readonly Int32Array[],
  { sessions, multiply, target, overwrite, protect, gramBytes, inputs, signal, progress }: CalibrateOptions,
): Promise<Calibrated> {
  const sums = new Map<string, InputSums>();
  const influence = new BlockInfluence(description.hidden);
  const blocks = description.blocks.map((block): BlockStatistics => {
    const groups = groupsOf(block, weights, gramBytes);
    const entries = groups.flatMap(({ layers: [layer], key, inputs: size, withGram }) =>
      statisticsEntries(layer!, size, withGram, () => sums.get(key)!),
    );
    return { block, groups, entries: [...entries, influenceEntry(block.name, () => influence.of(block.name))] };
  });
  const same = blocks.flatMap(({ groups }) =>
    groups.flatMap(({ layers: [first, ...others] }) => others.map((layer) => [layer, first!] as const)),
  );
  const layout = layOut(
    blocks.flatMap(({ entries }) => entries),
    {
      format: 'pt',
      [SAME_INPUTS_KEY]: JSON.stringify(Object.fromEntries(same)),
      [NOTE_KEY]: JSON.stringify({ statistics: inputs, windows: windows.length, length: windows[0]!.length }),
    },
  );
  const layers: CalibratedLayer[] = [];
  const pass = (append: Append): Promise<unknown> =>
    passBlocks(description, weights, windows, {
      sessions,
      ...(signal && { signal }),
      listener: {
        async inputs([module], { data }) {
          await sums.get(module!)!.addSingles(data, multiply);
        },
        block: ({ name }, before, after) => influence.add(name, before, after),
        async done(block) {
          const own = blocks.find((each) => each.block === block)!;
          for (const entry of own.entries) await appendElements(append, entry);
          for (const layer of layersOf(own, sums)) layers.push(layer);
          renewed(sums, blocks[blocks.indexOf(own) + 1]);
        },
        progress: ({ block, blocks: all, window, windows: count }) =>
          progress?.(
            (block + window / count) / all,
            l10n.english('block {0} of {1}, window {2} of {3}', block + 1, all, window, count),
          ),
      },
    });
  renewed(sums, blocks[0]);
  const path = await writeAtomically(
    target,
    { size: layout.fileBytes, protect, ofModel: true, overwrite, ...(signal && { signal }) },
    async (append) => {
      await append(layout.header);
      await pass(append);
    },
  );
  return { path, bytes: layout.fileBytes, layers, influence: influence.all() };
}

/** Sums for the modules of a block in place of those of the one before. */
function renewed(sums: Map<string, InputSums>, block: BlockStatistics | undefined): void {
  sums.clear();
  for (const { key, inputs, withGram } of block?.groups ?? []) sums.set(key, new InputSums(inputs, withGram));
}

function layersOf({ groups }: BlockStatistics, sums: ReadonlyMap<string, InputSums>): CalibratedLayer[] {
  return groups.flatMap(({ key, layers, inputs, withGram }) =>
    layers.map((layer) => ({ layer, inputs, tokens: sums.get(key)!.tokens, gram: withGram })),
  );
}

/** Those that a pass tells of together, in one order with it. The small ones get Gram matrices first. */
function groupsOf(block: BlockDescription, weights: Decoder['weights'], gramBytes: number): Group[] {
  const { linears, experts } = block;
  const sets: (readonly (Linear | undefined)[])[] = [
    [linears.q, linears.k, linears.v, linears.qkv],
    [linears.o],
    [linears.gate, linears.up, linears.gateUp, linears.router, linears.sharedGate],
    [linears.down],
    ...[...(experts?.each ?? []), ...(experts?.shared ? [experts.shared] : [])].flatMap(
      ({ gate, up, gateUp, down }) => [[gate, up, gateUp], [down]],
    ),
  ];
  const modules = sets
    .map((set) => set.filter((each) => each !== undefined))
    .filter((set) => set.length > 0)
    .map((set) => ({ set, inputs: weights.inputsOf(set[0]!) }));
  const withGram = new Set<unknown>();
  let left = gramBytes;
  for (const each of modules.toSorted((a, b) => a.inputs - b.inputs)) {
    left -= 8 * each.inputs ** 2;
    if (left >= 0) withGram.add(each);
  }
  return modules.map((each) => ({
    key: each.set[0]!.name,
    layers: each.set.map(({ name }) => weights.statisticsName(name)),
    inputs: each.inputs,
    withGram: withGram.has(each),
  }));
}
