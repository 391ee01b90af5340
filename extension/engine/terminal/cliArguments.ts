/** What the terminal asked for: arguments parsed and checked before any file is touched. */
import { parseArgs } from 'node:util';
import { DEVICE_CHOICES, isDeviceChoice } from '../../linalg/devices/providers';
import type { MethodName } from '../../shared/compression/methodTable';
import type { RankRequest } from '../../shared/compressions';
import { pairMethod } from './pairMethod';
import { UsageError } from './usageError';
import type { DeviceChoice } from '../../shared/devices';
import type { InspectDepth } from '../../shared/estimates';
import type { FitRule, InspectSettings } from '../../shared/layers';
import { MODEL_SUMMARY, MODEL_USAGE } from './modelUsage';
import { LEAST_SHUFFLES, MOST_SHUFFLES } from '../../spectral/bulk/randomisation';

export { UsageError };

export const USAGE = `Eigenscope: what a checkpoint's weights say, without Python.

  eigenscope inspect PATH [options]     spectra, metrics, rank suggestions and statistics of every layer
  eigenscope read-back DIR [options]    the same for a saved model: its parts count as the matrices that they stand for
  eigenscope report PATH --out FILE     all of it as one HTML file: map, findings, a table, and spectra of chosen layers
  eigenscope tensors PATH [--json]      names, shapes and dtypes, from the headers alone
  eigenscope compress PATH --layer GLOB (--rank K | --energy T | --budget R) --out FILE
                                        two factors of each layer that matches, saved as a new safetensors file
  eigenscope compress PATH --plan FILE --to LAYOUT --out DIR
                                        the whole model, as a plan says, saved in a layout that other programs load
  eigenscope plan PATH --ratio R --out FILE
                                        a plan of the whole model's compression: a budget shared among its layers
  eigenscope vectors PATH --layer NAME [--rank K] --out FILE
                                        singular vectors of one layer: U, S and Vt in a safetensors file
${MODEL_SUMMARY}
PATH is a checkpoint (safetensors, GGUF, PyTorch, ONNX, Keras, TensorFlow, TFLite, NumPy, Flax), an index of shards, or a
folder that holds one.

inspect:
  --layers GLOB        only layers whose names match (* matches anything), or parts of layers: 'h.0.attn.c_attn.weight[q]',
                       '*[gate]', '*q_proj.weight[head*]'; may be repeated. Of GGUF, Hugging Face's names are
                       known, too: 'model.layers.0.*'
  --split KIND         in place of layers that have such parts, their parts: fused (q, k, v; gate, up; gates of an LSTM),
                       or heads (of q, k, v and o)
  --farms-rows N       FARMS window rows, num_row_samples             (2000)
  --farms-q Q          FARMS aspect ratio, Q_ratio                    (1)
  --farms-ops N        FARMS windows a side, sampling_ops_per_dim     (10)
  --farms-mode MODE    auto, full (every window) or adaptive (until the 95 % interval is narrow)   (auto)
  --no-farms           leave FARMS out
  --vectors K          add how the vectors of the K largest singular values are spread (JSON only)
  --fit RULE           xmin rule of the FARMS fit: KS, mid or peak    (peak)
  --randomise          also take each layer's spectrum with its entries shuffled (as long again each time)
  --shuffles K         times that --randomise shuffles them, 2 to 100 (5)
  --goodness           also test each fit of alpha by a bootstrap (some seconds a layer)
  --quick              of layers whose spectra take long, estimates with 95 % intervals instead (not with --csv or --markdown)
  --own FILE           add your own numbers of layers (losses, latencies) from a CSV or JSON keyed by tensor name; may be
                       repeated (not with --quick)
  --json | --csv | --markdown   print JSON, CSV or Markdown instead of the report
  --no-cache           neither read nor keep results of earlier runs

compress:
  --layer GLOB         a layer's name, or a pattern of names; may be repeated: all of them go into one file
  --out FILE           the new file; a folder gets a file that is named after the layer
  --rank K             keep K directions
  --energy T           keep the fewest directions with at least this share of the squared norm, 0 < T <= 1
  --budget R           the most directions whose factors have at most this share of the parameters
  --method NAME        svd, or with --stats fwsvd, asvd or svd-llm   (svd)
  --stats FILE         statistics of the layers' inputs: safetensors as the README's hook writes them, or an imatrix
  --output KIND        factors (two tensors) or reconstructed (same name and shape)   (factors)
  --overwrite          replace FILE if it exists; of the files beside the model only those that Eigenscope saved

vectors:
  --layer GLOB, --out FILE   as for compress; the pattern must match one layer
  --rank K             the K largest only; all that fit in --memory without it
  --overwrite          replace FILE if it exists

${MODEL_USAGE}
all:
  --threads N          worker threads
  --memory MB          memory that the layers in work may take together
  --device NAME        what multiplies large layers: auto (the fastest that passes its trial), cpu, webgpu, cuda, dml
                       or coreml   (auto)
  --version, --help

Exit code: 0; 1 where some layers could not be analysed ("problems"); 2 where nothing could be opened or done.
`;

export interface Common {
  path: string;
  threads: number | undefined;
  memoryMegabytes: number | undefined;
  device: DeviceChoice;
}

export type Command =
  | { command: 'help' | 'version' }
  | (Common & {
      command: 'inspect';
      layers: string[];
      /** Parts that stand in for their layers. */
      split: SplitKind | undefined;
      settings: InspectSettings;
      /** Singular vectors of each layer whose metrics are added; 0 for none. */
      vectors: number;
      /** Files of a person's own numbers. */
      own: string[];
      format: InspectFormat;
      depth: InspectDepth;
      cache: boolean;
    })
  | (Common & { command: 'tensors'; format: 'report' | 'json' })
  | (Common & { command: 'vectors'; layer: string; count: number | undefined; out: string; overwrite: boolean })
  | (Common & {
      command: 'compress';
      /** Names or patterns, at least one. */
      layers: string[];
      rank: RankRequest;
      method: MethodName;
      /** File of statistics. */
      stats: string | undefined;
      out: string;
      output: 'factors' | 'reconstructed';
      overwrite: boolean;
    });

/** What `inspect` prints. */
export type InspectFormat = 'report' | 'json' | 'csv' | 'markdown';

export type SplitKind = 'fused' | 'heads';

/** The paper's settings for language models. */
export const DEFAULT_FARMS: InspectSettings['farms'] = {
  enabled: true,
  rows: 2000,
  q: 1,
  ops: 10,
  fit: 'xmin_peak',
  mode: 'auto',
  tolerance: 0.01,
};

/** Options that each command takes, beside those that all take. */
const OPTIONS_OF = {
  inspect: [
    ...['layers', 'split', 'quick', 'json', 'csv', 'markdown', 'no-cache', 'fit', 'vectors', 'own'],
    ...['farms-rows', 'farms-q', 'farms-ops', 'farms-mode', 'no-farms', 'randomise', 'shuffles', 'goodness'],
  ],
  tensors: ['json'],
  compress: ['layer', 'rank', 'energy', 'budget', 'method', 'stats', 'out', 'output', 'overwrite'],
  vectors: ['layer', 'rank', 'out', 'overwrite'],
} as const;
const OPTIONS_OF_ALL = ['threads', 'memory', 'device'] as const;

const FIT_RULES: ReadonlyMap<string, FitRule> = new Map([
  ['KS', 'KS'],
  ['mid', 'xmin_mid'],
  ['peak', 'xmin_peak'],
]);

/** @throws UsageError in words for people */
export function parseCommand(args: readonly string[]): Command {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      tokens: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
        json: { type: 'boolean' },
        csv: { type: 'boolean' },
        markdown: { type: 'boolean' },
        quick: { type: 'boolean' },
        layers: { type: 'string', multiple: true },
        own: { type: 'string', multiple: true },
        split: { type: 'string' },
        'farms-rows': { type: 'string' },
        'farms-q': { type: 'string' },
        'farms-ops': { type: 'string' },
        'farms-mode': { type: 'string' },
        'no-farms': { type: 'boolean' },
        'no-cache': { type: 'boolean' },
        vectors: { type: 'string' },
        fit: { type: 'string' },
        randomise: { type: 'boolean' },
        shuffles: { type: 'string' },
        goodness: { type: 'boolean' },
        layer: { type: 'string', multiple: true },
        rank: { type: 'string' },
        energy: { type: 'string' },
        budget: { type: 'string' },
        method: { type: 'string' },
        stats: { type: 'string' },
        out: { type: 'string' },
        output: { type: 'string' },
        overwrite: { type: 'boolean' },
        threads: { type: 'string' },
        memory: { type: 'string' },
        device: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals, tokens } = parsed;
  if (values.help || args.length === 0) return { command: 'help' };
  if (values.version) return { command: 'version' };
  const [name, path, ...rest] = positionals;
  const command = commandOf(name);
  refuseStray(command, Object.keys(values));
  refuseRepeated(tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : [])));
  // An empty one would be the working folder: it is a variable that is not set.
  if (!path) throw new UsageError(`${command} needs a PATH`);
  if (rest.length > 0) throw new UsageError(`one PATH at a time, please: "${rest[0]!}" is too many`);
  const common = { path, ...commonValues(values) };
  switch (command) {
    case 'inspect': {
      const format = inspectFormat(values);
      const shuffles = integer(values.shuffles, '--shuffles', LEAST_SHUFFLES, MOST_SHUFFLES);
      if (shuffles !== undefined && !values.randomise) throw new UsageError('--shuffles needs --randomise');
      const settings = {
        farms: farmsSettings(values),
        ...(values.randomise && { randomise: true }),
        ...(shuffles !== undefined && { shuffles }),
        ...(values.goodness && { goodness: true }),
      };
      const vectors = integer(values.vectors, '--vectors', 1, 100_000) ?? 0;
      if (vectors > 0 && format !== 'json') throw new UsageError('--vectors needs --json');
      refuseWithQuick(values);
      const [layers, split] = [values.layers ?? [], splitKind(values.split)];
      const asked = { format, depth: values.quick ? 'quick' : 'exact', cache: !values['no-cache'] } as const;
      return { ...common, command, layers, split, settings, vectors, own: values.own ?? [], ...asked };
    }
    case 'tensors':
      return { ...common, command, format: values.json ? 'json' : 'report' };
    case 'compress': {
      const output = values.output ?? 'factors';
      if (output !== 'factors' && output !== 'reconstructed') {
        throw new UsageError(`--output is factors or reconstructed, not "${output}"`);
      }
      const { method, stats } = pairMethod(values);
      return { ...common, command, ...savedLayers(command, values), rank: rankRequest(values), method, stats, output };
    }
    case 'vectors': {
      const count = integer(values.rank, '--rank', 1, Number.MAX_SAFE_INTEGER);
      const { layers, ...target } = savedLayers(command, values);
      if (layers.length > 1) throw new UsageError('vectors takes one --layer at a time');
      return { ...common, command, layer: layers[0]!, ...target, count };
    }
  }
}

function inspectFormat(values: Partial<Record<string, unknown>>): InspectFormat {
  const [format = 'report', other] = (['json', 'csv', 'markdown'] as const).filter((each) => values[each] === true);
  if (other !== undefined) throw new UsageError(`--${format} and --${other} exclude each other`);
  return format;
}

/** What needs spectra, or has no room for intervals. @throws UsageError */
function refuseWithQuick(values: Partial<Record<string, unknown>>): void {
  if (values.quick !== true) return;
  const given = ['csv', 'markdown', 'vectors', 'randomise', 'goodness', 'own'].find(
    (option) => values[option] !== undefined,
  );
  if (given !== undefined) throw new UsageError(`--quick and --${given} exclude each other`);
}

/** @throws UsageError */
export function commonValues({
  threads,
  memory,
  device,
}: Partial<Record<'threads' | 'memory' | 'device', string>>): Omit<Common, 'path'> {
  return {
    threads: integer(threads, '--threads', 1, 256),
    memoryMegabytes: integer(memory, '--memory', 64, 1 << 20),
    device: deviceChoice(device),
  };
}

function commandOf(name: string | undefined): keyof typeof OPTIONS_OF {
  // A saved model is inspected as any other: its parts are shown as the matrices that they stand for.
  if (name === 'read-back') return 'inspect';
  if (name !== undefined && Object.hasOwn(OPTIONS_OF, name)) return name as keyof typeof OPTIONS_OF;
  const known = [...Object.keys(OPTIONS_OF), 'read-back', 'report', 'plan', 'calibrate', 'evaluate'].join(', ');
  throw new UsageError(
    name === undefined ? `one of ${known} comes first` : `there is no command "${name}"; ${known} are`,
  );
}

/** An option that does nothing would look as if it had been heard. */
function refuseStray(command: keyof typeof OPTIONS_OF, given: readonly string[]): void {
  const known: readonly string[] = [...OPTIONS_OF[command], ...OPTIONS_OF_ALL];
  const stray = given.find((option) => !known.includes(option));
  if (stray === undefined) return;
  const near = known.find((option) => option.startsWith(stray) || stray.startsWith(option));
  throw new UsageError(`${command} takes no --${stray}${near === undefined ? '' : `; did you mean --${near}?`}`);
}

function splitKind(kind: string | undefined): SplitKind | undefined {
  if (kind === undefined || kind === 'fused' || kind === 'heads') return kind;
  throw new UsageError(`--split is fused or heads, not "${kind}"`);
}

function deviceChoice(name = 'auto'): DeviceChoice {
  if (!isDeviceChoice(name)) throw new UsageError(`--device is ${DEVICE_CHOICES.join(', ')}, not "${name}"`);
  return name;
}

/** The last of two would win, and the first look as if it had been heard. */
function refuseRepeated(given: readonly string[]): void {
  const repeatable = new Set(['layers', 'layer', 'own']);
  const repeated = given.find((option, index) => !repeatable.has(option) && given.indexOf(option) !== index);
  if (repeated !== undefined) throw new UsageError(`--${repeated} is given more than once`);
}

/** The layers, and the file that something of them is saved to. */
function savedLayers(
  command: string,
  { layer: layers, out, overwrite = false }: { layer?: string[]; out?: string; overwrite?: boolean },
): { layers: string[]; out: string; overwrite: boolean } {
  if (layers === undefined) throw new UsageError(`${command} needs --layer NAME`);
  if (out === undefined || out === '') throw new UsageError(`${command} needs --out FILE`);
  return { layers, out, overwrite };
}

const FARMS_OPTIONS = ['farms-rows', 'farms-q', 'farms-ops', 'farms-mode', 'fit'] as const;

function farmsSettings(values: {
  'farms-rows'?: string;
  'farms-q'?: string;
  'farms-ops'?: string;
  'farms-mode'?: string;
  'no-farms'?: boolean;
  fit?: string;
}): InspectSettings['farms'] {
  const idle = values['no-farms'] && FARMS_OPTIONS.find((option) => values[option] !== undefined);
  if (idle) throw new UsageError(`--no-farms leaves FARMS out, and --${idle} is about FARMS`);
  const mode = values['farms-mode'] ?? DEFAULT_FARMS.mode;
  if (mode !== 'auto' && mode !== 'full' && mode !== 'adaptive') {
    throw new UsageError(`--farms-mode is auto, full or adaptive, not "${mode}"`);
  }
  const fit = values.fit === undefined ? DEFAULT_FARMS.fit : FIT_RULES.get(values.fit);
  if (!fit) throw new UsageError(`--fit is KS, mid or peak, not "${values.fit!}"`);
  return {
    ...DEFAULT_FARMS,
    enabled: !values['no-farms'],
    rows: integer(values['farms-rows'], '--farms-rows', 2, 1_000_000) ?? DEFAULT_FARMS.rows,
    q: number(values['farms-q'], '--farms-q', 0.01, 100) ?? DEFAULT_FARMS.q,
    ops: integer(values['farms-ops'], '--farms-ops', 2, 1000) ?? DEFAULT_FARMS.ops,
    fit,
    mode,
  };
}

function rankRequest(values: { rank?: string; energy?: string; budget?: string }): RankRequest {
  const rank = integer(values.rank, '--rank', 1, Number.MAX_SAFE_INTEGER);
  const energy = number(values.energy, '--energy', 0, 1);
  const budget = number(values.budget, '--budget', 0, Number.MAX_VALUE);
  const given: RankRequest[] = [];
  if (rank !== undefined) given.push({ kind: 'rank', rank });
  if (energy !== undefined) given.push({ kind: 'energy', energy });
  if (budget !== undefined) given.push({ kind: 'budget', budget });
  if (given.length !== 1) throw new UsageError('compress needs one of --rank, --energy and --budget');
  return given[0]!;
}

export function number(text: string | undefined, option: string, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max)) {
    throw new UsageError(`${option} is a number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}

export function integer(text: string | undefined, option: string, min: number, max: number): number | undefined {
  const value = number(text, option, min, max);
  if (value !== undefined && !Number.isInteger(value))
    throw new UsageError(`${option} is a whole number, not "${text!}"`);
  return value;
}
