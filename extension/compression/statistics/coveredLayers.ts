/** Which layer has which arrays of a file, their shapes checked against the layer's before anything is read. */
import { CompressionError } from '../compressionError';
import { NAMES_SHOWN, firstNames } from '../../checkpoint/problemList';
import type { CoveredLayer } from '../../shared/compression/statistics';
import type { Measurement, NamedStatistics, StatisticsField, StatisticsFile } from './statisticsFile';
import type { LayerSides, StatisticsLayers } from './statisticsLayers';
import { resolver, type MeantLayer } from './statisticsNames';

/** The part of an array that is of one layer. */
export interface LayerArray {
  readonly measurement: Measurement;
  /** Along the first axis; all of it if absent. */
  readonly rows?: { readonly start: number; readonly end: number };
}

export interface LayerArrays {
  readonly sides: LayerSides;
  readonly fields: Partial<Record<StatisticsField, LayerArray>>;
  readonly tokens?: number;
}

export interface Coverage {
  readonly layers: ReadonlyMap<string, LayerArrays>;
  /** Layers whose arrays cannot be used, and why. */
  readonly refused: ReadonlyMap<string, string>;
  readonly unknown: readonly string[];
  readonly problems: readonly string[];
}

/** Counts beyond this are no longer exact, and no calibration sees so many tokens. */
const MAX_TOKENS = Number.MAX_SAFE_INTEGER;

interface Growing {
  sides: LayerSides;
  fields: Partial<Record<StatisticsField, LayerArray>>;
  tokens?: number;
}

/** @throws CompressionError `invalid-statistics` if the file has nothing, or nothing for any layer */
export function coverage(file: StatisticsFile, layers: StatisticsLayers, path: string, model: string): Coverage {
  const found = new Map<string, Growing>();
  const refused = new Map<string, string>();
  const unknown: string[] = [];
  const problems: string[] = [];
  if (file.named.size === 0) {
    throw new CompressionError('invalid-statistics', `holds no statistics of any layer; ${NAMES_WANTED}`, {
      file: path,
    });
  }
  const resolve = resolver(file, layers);
  for (const [name, statistics] of file.named) {
    const meant = resolve(name);
    if (meant.length === 0) unknown.push(name);
    for (const each of meant) {
      const why = addTo(found, each, statistics, meant.length);
      if (why !== undefined) {
        refused.set(each.layer.name, `${name}: ${why}`);
        problems.push(`layer ${each.layer.name}: ${name}: ${why}`);
      }
    }
  }
  for (const name of refused.keys()) found.delete(name);
  if (found.size === 0 && refused.size === 0) {
    const shown = firstNames(unknown, NAMES_SHOWN);
    const reason = `none of its ${unknown.length} names (${shown}) is that of a layer of ${model}; make it from this very model`;
    throw new CompressionError('invalid-statistics', reason, { file: path });
  }
  return { layers: found, refused, unknown, problems };
}

const NAMES_WANTED =
  'wanted is a safetensors file with <layer>.input_gram, .input_mean, .input_abs_mean or .fisher, or an imatrix of llama.cpp';

export function fieldsOf({ fields }: Pick<LayerArrays, 'fields'>): CoveredLayer['has'] {
  return (['gram', 'mean', 'absMean', 'squareMean', 'fisher'] as const).filter((field) => fields[field] !== undefined);
}

/** @returns what is wrong, in words */
function addTo(
  found: Map<string, Growing>,
  { layer, index }: MeantLayer,
  { fields, tokens }: NamedStatistics,
  stack: number,
): string | undefined {
  const count = tokens === undefined ? undefined : tokens.length === 1 ? tokens[0]! : tokens[index ?? 0];
  if (tokens !== undefined && tokens.length !== 1 && tokens.length !== (index === undefined ? 1 : stack)) {
    return `has ${tokens.length} counts of tokens for ${index === undefined ? 1 : stack} matrices`;
  }
  if (count === 0) return 'no token reached it, so nothing is known of its inputs; calibrate on more text';
  if (count !== undefined && !(count > 0 && count <= MAX_TOKENS)) {
    return `says that ${count} tokens are behind it, which cannot be; make the file again`;
  }
  const own = found.get(layer.name) ?? { sides: layer, fields: {} };
  for (const [field, measurement] of Object.entries(fields) as [StatisticsField, Measurement][]) {
    const array = partOf(measurement, field, layer, index, stack);
    if (typeof array === 'string') return array;
    // Gate and up projection in one have the same inputs: the first name's are kept.
    own.fields[field] ??= array;
  }
  if (count !== undefined) own.tokens ??= count;
  if (Object.keys(own.fields).length > 0) found.set(layer.name, own);
  return undefined;
}

function partOf(
  measurement: Measurement,
  field: StatisticsField,
  layer: LayerSides,
  index: number | undefined,
  stack: number,
): LayerArray | string {
  const { shape, name } = measurement;
  const wanted = shapesOf(field, layer, index !== undefined);
  const fits = (whole: readonly number[]): boolean => wanted.some((each) => each.join() === whole.join());
  if (index === undefined) {
    if (fits(shape)) return { measurement };
  } else {
    if (shape[0] === stack && fits(shape.slice(1))) return { measurement, rows: { start: index, end: index + 1 } };
    // The older imatrix has the rows of a stack one after the other.
    const { inputs } = layer;
    if (field === 'squareMean' && shape.length === 1 && shape[0] === stack * inputs) {
      return { measurement, rows: { start: index * inputs, end: (index + 1) * inputs } };
    }
  }
  const text = [...new Set(wanted.map((each) => JSON.stringify(index === undefined ? each : [stack, ...each])))].join(
    ' or ',
  );
  return `${name} has the shape ${JSON.stringify(shape)}, but ${layer.outputs} outputs and ${layer.inputs} inputs want ${text}; make it from this very model`;
}

/** Shapes that an array of one layer may have. */
function shapesOf(
  field: StatisticsField,
  { tensor, outputs, inputs }: LayerSides,
  ofStack: boolean,
): (readonly number[])[] {
  if (field === 'gram') return [[inputs, inputs]];
  if (field !== 'fisher') return [[inputs]];
  return [[outputs], ofStack ? tensor.shape.slice(1) : tensor.shape, [outputs, inputs]];
}
