/** `eigenscope sensitivity`: spectra and losses of each unit, side by side. */
import path from 'node:path';
import { writeAtomically } from '../../compression/atomicFile';
import { layerMethod } from '../../shared/compression/methodTable';
import { needsStatistics } from '../../shared/compression/methodNeeds';
import type { PlanLayer } from '../../shared/compression/plans';
import { ESTIMATE, type SensitivityReport, type SensitivityRow, type SensitivityUnit } from './sensitivityRecords';
import type { EngineDocument } from '../document/engineDocument';
import { ModelProcess } from '../models/modelProcess';
import { planSource } from '../requests/planSource';
import type { RequestParts } from '../requests/requestParts';
import { DEFAULT_FARMS, UsageError } from '../terminal/cliArguments';
import type { ProgressLine } from '../terminal/progressLine';
import { secondsText } from '../terminal/runCommand';
import { placeOf } from '../../shared/names/layerPlaces';
import { rankCorrelation } from './rankCorrelation';
import type { SensitivityCommand } from './sensitivityArguments';
import { sensitivityCsv } from './sensitivityText';
import { sensitivityUnits } from './sensitivityUnits';

/** Before this share is done, nothing can be said of the rest. */
const LEAST_SHARE = 0.02;

/** @throws UsageError, DecoderError, CompressionError, CheckpointError, ModelRunError; the signal's reason when it fires */
export async function sensitivityReport(
  parts: Pick<RequestParts, 'outcomes'>,
  document: EngineDocument,
  command: SensitivityCommand,
  target: string | undefined,
  progress: ProgressLine,
  signal: AbortSignal,
): Promise<SensitivityReport> {
  const { ratio, by, method, tokens, layers: matching, statistics } = command;
  if (needsStatistics({ method }) && statistics === undefined) {
    throw new UsageError(
      `${method} needs statistics of the inputs (${layerMethod(method).needs.join(', ')}): --stats FILE`,
    );
  }
  const { layers } = await planSource(
    parts,
    document,
    {
      compute: 'farms',
      settings: { farms: DEFAULT_FARMS },
      onProgress: (done, total) => progress.count(done, total),
    },
    signal,
  );
  const alias = (name: string): string | undefined => document.aliasOf(name);
  const units = sensitivityUnits(layers, { by, ratio, method, ...(matching && { matching }) }, alias);
  const started = performance.now();
  const running = new ModelProcess(signal, (fraction, message) => {
    if (message.startsWith(ESTIMATE)) {
      progress.note(message);
      return;
    }
    const passed = (performance.now() - started) / 1000;
    const left = fraction < LEAST_SHARE ? undefined : (passed * (1 - fraction)) / fraction;
    progress.layer(`${Math.round(100 * fraction)} %, ${secondsText(left)}${message}`);
  });
  try {
    const run = await running.call('sensitivity', {
      model: path.resolve(command.path),
      units,
      tokens: { ...tokens, path: path.resolve(tokens.path) },
      ...(statistics !== undefined && { statistics: path.resolve(statistics) }),
    });
    const known = new Map(layers.map((layer) => [layer.name, layer]));
    const rows = run.units.map((unit, index): SensitivityRow => ({
      ...unit,
      ...spectraOf(units[index]!, known, alias),
    }));
    const report = { ...run, ratio, method, by, units: rows, correlations: correlationsOf(rows) };
    if (target !== undefined) await writeCsv(report, target, document, command.overwrite, signal);
    return report;
  } finally {
    await running.end();
  }
}

function spectraOf(
  unit: SensitivityUnit,
  known: ReadonlyMap<string, PlanLayer>,
  alias: (name: string) => string | undefined,
): Pick<SensitivityRow, 'layers' | 'block' | 'alpha' | 'farms_alpha' | 'spectral_error'> {
  const names = Object.keys(unit.layers);
  const layers = names.map((name) => known.get(name)!);
  const blocks = new Set(names.map((name) => placeOf(alias(name) ?? name)?.numbers[0]));
  const [block] = blocks;
  let [cut, total] = [0, 0];
  for (const { name, eigenvalues } of layers) {
    const { rank } = unit.layers[name]!;
    for (const [index, value] of (eigenvalues ?? []).entries()) {
      total += value;
      if (index >= (rank ?? 0)) cut += value;
    }
  }
  return {
    layers: names,
    block: blocks.size === 1 ? (block ?? null) : null,
    alpha: meanOf(layers.map(({ alpha }) => alpha)),
    farms_alpha: meanOf(layers.map(({ farmsAlpha }) => farmsAlpha)),
    spectral_error: total > 0 ? Math.sqrt(cut / total) : null,
  };
}

function meanOf(values: readonly (number | null | undefined)[]): number | null {
  const some = values.filter((value): value is number => typeof value === 'number');
  return some.length === 0 ? null : some.reduce((sum, value) => sum + value, 0) / some.length;
}

/** A high alpha stands for a layer that bears compression: a negative correlation with its loss. */
function correlationsOf(rows: readonly SensitivityRow[]): SensitivityReport['correlations'] {
  const of = (key: 'alpha' | 'farms_alpha' | 'spectral_error') => {
    const known = rows.filter((row) => row[key] !== null);
    return (
      rankCorrelation(
        known.map((row) => row[key]!),
        known.map((row) => row.kl!),
      ) ?? null
    );
  };
  return { alpha: of('alpha'), farms_alpha: of('farms_alpha'), spectral_error: of('spectral_error') };
}

async function writeCsv(
  report: SensitivityReport,
  target: string,
  { checkpoint }: EngineDocument,
  overwrite: boolean,
  signal: AbortSignal,
): Promise<void> {
  const bytes = new TextEncoder().encode(sensitivityCsv(report));
  const options = { size: bytes.length, protect: checkpoint.files, overwrite, signal };
  await writeAtomically(target, options, (append) => append(bytes));
}
