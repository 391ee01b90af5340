/**
 * Numbers that the reference programs printed on the reference checkpoints, and the comparison of ours with them: of
 * what `eigenscope inspect --json` prints, or of the same numbers computed in the test's own process.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isFloating } from '../../extension/checkpoint/elements/dtype';
import type { FitRule, LayerResult } from '../../extension/shared/layers';
import { tailAt } from '../../extension/spectral/tail/powerLaw';
import { alphaRange } from '../../extension/shared/verdict';

export interface GoldenFit {
  alpha: number;
  D: number;
}

export interface GoldenFarms extends GoldenFit {
  num_row_samples: number;
  Q_ratio: number;
  sampling_ops_per_dim: number;
  fit: FitRule;
}

export interface GoldenEsd {
  count: number;
  min: number;
  /** Values at positions ⌊q·(count − 1)⌋ for q = .25 .5 .75 .9 .99 */
  quartiles: number[];
  max: number;
  sum?: number;
}

export interface GoldenLayer {
  shape: number[];
  esd: GoldenEsd;
  fits?: Partial<Record<FitRule, GoldenFit>>;
  farms: GoldenFarms[];
}

export interface Golden {
  /** Below `../shared/checkpoints`. */
  checkpoint: string;
  tensors: number;
  parameters: number;
  layers: Record<string, GoldenLayer>;
  weightwatcher?: {
    details: ({ name: string } & Record<string, number | string | boolean>)[];
    summary?: Record<string, number>;
  };
}

/** What of `inspect --json` is compared. */
export interface InspectedCheckpoint {
  checkpoint: { tensors: number; parameters: number };
  /** Tensors without a spectrum too. */
  layers: Pick<
    LayerResult,
    'name' | 'tensor' | 'shape' | 'dtype' | 'metrics' | 'fits' | 'farms' | 'factored' | 'N' | 'M'
  >[];
}

export interface Comparison {
  /** Numbers compared. */
  checked: number;
  /** Fits whose xmin differs from the reference's while both have the same D. */
  explained: number;
  failures: string[];
}

/** Positions of `quartiles` in the upper half, where every eigenvalue is held to a relative bound. */
export const UPPER_QUANTILES: readonly { q: number; at: number }[] = [
  { q: 0.5, at: 1 },
  { q: 0.75, at: 2 },
  { q: 0.9, at: 3 },
  { q: 0.99, at: 4 },
];

const FIT_TOLERANCE = 1e-3;

/** Two tail starts are equally good within this: the float32 of the references resolves no more. */
const SAME_DISTANCE = 1e-4;

const WEIGHTWATCHER_NUMBERS = [
  'D',
  'alpha_weighted',
  'entropy',
  'log_alpha_norm',
  'log_norm',
  'log_spectral_norm',
  'norm',
  'sigma',
  'spectral_norm',
  'stable_rank',
  'xmax',
  'xmin',
] as const;

const WEIGHTWATCHER_COUNTS = ['detX_num', 'matrix_rank', 'num_pl_spikes', 'rank_loss', 'weak_rank_loss'] as const;

/** WeightWatcher's, of alpha alone. */
export const WARNINGS = { below: 'over-trained', within: '', above: 'under-trained' } as const;

/** Columns that follow from the tail start, and move with it where it is equally good elsewhere. */
const OF_THE_TAIL = new Set<string>([
  'D',
  'alpha_weighted',
  'log_alpha_norm',
  'num_pl_spikes',
  'sigma',
  'xmax',
  'xmin',
]);

/** Every golden file of a checkpoint whose suffix is among `suffixes`. */
export function goldenFiles(sharedFolder: string, suffixes: readonly string[]): { file: string; golden: Golden }[] {
  const folder = path.join(sharedFolder, 'golden');
  return readdirSync(folder)
    .filter((file) => file.includes('__') && suffixes.some((suffix) => file.endsWith(`${suffix}.json`)))
    .sort()
    .map((file) => ({ file, golden: readGolden(path.join(folder, file)) }));
}

/** The references join the keys of Flax's tree with dots, Flax itself with slashes. */
function readGolden(file: string): Golden {
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden;
  if (!golden.checkpoint.endsWith('.msgpack')) return golden;
  const layers = Object.entries(golden.layers).map(([name, layer]) => [name.replaceAll('.', '/'), layer] as const);
  return { ...golden, layers: Object.fromEntries(layers) };
}

/**
 * @param eigenvalues the pooled spectrum of a layer (ascending, with conv_norm), where it is known: another tail start is then
 *   only taken for an explanation where the spectrum has one with the reference's alpha and with our D
 */
export function compareWithGolden(
  golden: Golden,
  inspected: InspectedCheckpoint,
  eigenvalues?: (layer: string) => Float64Array,
): Comparison {
  const comparison: Comparison = { checked: 0, explained: 0, failures: [] };
  const { failures } = comparison;
  const expectEqual = (what: string, ours: unknown, reference: unknown): void => {
    comparison.checked++;
    const [a, b] = [JSON.stringify(ours), JSON.stringify(reference)];
    if (a !== b) failures.push(`${what}: ${a} and not ${b}`);
  };
  const counts = countedTensors(golden, inspected);
  expectEqual('tensors', counts.tensors, golden.tensors);
  expectEqual('parameters', counts.parameters, golden.parameters);
  const layers = new Map(inspected.layers.map((layer) => [layer.name, layer]));
  for (const [name, reference] of Object.entries(golden.layers)) {
    const ours = layers.get(name);
    if (!ours) {
      failures.push(`${name}: missing`);
      continue;
    }
    expectEqual(`${name} shape`, ours.shape, reference.shape);
    const spectrum = eigenvalues?.(name);
    for (const rule of ['xmin_mid', 'xmin_peak'] as const) {
      const fit = reference.fits?.[rule];
      if (fit) compareFit(comparison, `${name} ${rule}`, ours.fits[rule], fit, spectrum);
    }
    const { farms } = ours;
    const settings = farms && reference.farms.find((entry) => sameSettings(entry, farms));
    if (settings) compareFit(comparison, `${name} FARMS ${farms.rule}`, farms, settings);
  }
  for (const record of golden.weightwatcher?.details ?? []) {
    const name = [`${record.name}.weight`, record.name].find((candidate) => layers.has(candidate));
    if (name === undefined) failures.push(`${record.name}: missing`);
    else compareWeightWatcher(comparison, layers.get(name)!, record, eigenvalues?.(name));
  }
  return comparison;
}

/**
 * The references count an ONNX model's floating-point tensors only, not its integer constants; what an adapter stores,
 * not its pairs' products; the weights of a Keras model, not its optimizer's.
 */
function countedTensors(
  golden: Golden,
  { checkpoint, layers }: InspectedCheckpoint,
): InspectedCheckpoint['checkpoint'] {
  const products = layers.filter(({ factored }) => factored).length;
  const counts = COUNTED[path.extname(golden.checkpoint)];
  if (!counts) return { ...checkpoint, tensors: checkpoint.tensors - products };
  const counted = new Map(layers.filter(counts).map(({ tensor, shape }) => [tensor, shape]));
  const parameters = [...counted.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return { tensors: counted.size, parameters };
}

/** The tensors that the references count, if they do not count all of a file's. */
const COUNTED: Readonly<Record<string, (layer: InspectedCheckpoint['layers'][number]) => boolean>> = {
  '.onnx': ({ dtype }) => isFloating(dtype),
  '.h5': ({ tensor }) => !tensor.startsWith('optimizer_weights/'),
};

/** Alpha and D of one fit; adds to `comparison`. */
export function compareFit(
  comparison: Comparison,
  what: string,
  ours: { alpha: number | null; D: number | null } | undefined,
  reference: GoldenFit,
  spectrum?: Float64Array,
): void {
  comparison.checked++;
  const { alpha, D } = ours ?? { alpha: null, D: null };
  if (alpha === null || D === null) {
    comparison.failures.push(`${what}: no fit, but the reference has alpha ${reference.alpha}`);
  } else if (!near(alpha, reference.alpha) || !near(D, reference.D)) {
    if (isEquallyGood(D, reference, spectrum)) comparison.explained++;
    else {
      comparison.failures.push(`${what}: alpha ${alpha} and not ${reference.alpha}, D ${D} and not ${reference.D}`);
    }
  }
}

function compareWeightWatcher(
  comparison: Comparison,
  { name: layer, metrics, N, M }: InspectedCheckpoint['layers'][number],
  record: Record<string, number | string | boolean>,
  spectrum?: Float64Array,
): void {
  const exact: [string, unknown][] = [
    ['N', N],
    ['M', M],
    ['warning', metrics.alpha == null ? undefined : WARNINGS[alphaRange(metrics.alpha)]],
  ];
  for (const [column, ours] of exact) {
    comparison.checked++;
    if (ours !== record[column])
      comparison.failures.push(`${layer} ${column}: ${String(ours)} and not ${String(record[column])}`);
  }
  const { alpha, D } = record as unknown as GoldenFit;
  compareFit(
    comparison,
    `${layer} alpha`,
    { alpha: metrics.alpha ?? null, D: metrics.D ?? null },
    { alpha, D },
    spectrum,
  );
  const sameTail = metrics.alpha != null && near(metrics.alpha, alpha);
  for (const column of [...WEIGHTWATCHER_NUMBERS, ...WEIGHTWATCHER_COUNTS]) {
    if (OF_THE_TAIL.has(column) && !sameTail) continue;
    comparison.checked++;
    const [ours, reference] = [metrics[column], record[column] as number];
    const isCount = (WEIGHTWATCHER_COUNTS as readonly string[]).includes(column);
    const agrees = ours != null && (isCount ? ours === reference : sameNumber(column, ours, reference));
    if (!agrees) comparison.failures.push(`${layer} ${column}: ${String(ours)} and not ${reference}`);
  }
}

/** True if the reference's tail start fits as well as ours: the same D, and on our spectrum too if it is given. */
function isEquallyGood(D: number, reference: GoldenFit, spectrum?: Float64Array): boolean {
  if (!spectrum) return Math.abs(D - reference.D) <= SAME_DISTANCE;
  for (let start = 0; start < spectrum.length - 1; start++) {
    const tail = tailAt(spectrum, start);
    if (near(tail.alpha, reference.alpha) && Math.abs(tail.D - D) <= SAME_DISTANCE) return true;
  }
  return false;
}

/** Relative, because many of these lie far below one. */
function near(ours: number, reference: number): boolean {
  return Math.abs(ours - reference) <= FIT_TOLERANCE * Math.abs(reference);
}

/** For logarithms the difference counts: it is the relative one of their numbers. */
function sameNumber(column: string, ours: number, reference: number): boolean {
  return column.startsWith('log_') ? Math.abs(ours - reference) <= FIT_TOLERANCE : near(ours, reference);
}

function sameSettings(entry: GoldenFarms, farms: NonNullable<LayerResult['farms']>): boolean {
  return (
    entry.num_row_samples === farms.num_row_samples &&
    entry.Q_ratio === farms.Q_ratio &&
    entry.sampling_ops_per_dim === farms.sampling_ops_per_dim &&
    entry.fit === farms.rule &&
    farms.mode === 'full'
  );
}
