/** `eigenscope report`: its arguments, checked before any file is touched. */
import { parseArgs } from 'node:util';
import type { InspectSettings } from '../../shared/layers';
import { commonValues, DEFAULT_FARMS, UsageError, type Common } from './cliArguments';

export const REPORT_ENDING = '.html';

export const REPORT_USAGE = `report:
  --out FILE           the report; its name ends in ${REPORT_ENDING}, or it is a folder
  --layers GLOB        layers whose spectra are in it; may be repeated   (unusual layers, then the largest: eight)
  --own FILE           add your own numbers of layers from a CSV or JSON keyed by tensor name; may be repeated
  --no-farms           leave FARMS out
  --overwrite          replace FILE if it exists
  --no-cache           neither read nor keep results of earlier runs
`;

export interface ReportCommand extends Common {
  readonly command: 'report';
  /** Names or patterns of layers whose spectra are shown. */
  readonly layers: readonly string[];
  /** Files of a person's own numbers. */
  readonly own: readonly string[];
  readonly settings: InspectSettings;
  readonly out: string;
  readonly overwrite: boolean;
  readonly cache: boolean;
}

/** @param args those behind the word `report` @throws UsageError in words for people */
export function parseReportArguments(args: readonly string[]): ReportCommand {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        layers: { type: 'string', multiple: true },
        own: { type: 'string', multiple: true },
        'no-farms': { type: 'boolean' },
        'no-cache': { type: 'boolean' },
        overwrite: { type: 'boolean' },
        // Lists, so that an option that is given twice is seen.
        out: { type: 'string', multiple: true },
        threads: { type: 'string', multiple: true },
        memory: { type: 'string', multiple: true },
        device: { type: 'string', multiple: true },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const single = { out: values.out, threads: values.threads, memory: values.memory, device: values.device };
  const repeated = Object.entries(single).find(([, given]) => given !== undefined && given.length > 1);
  if (repeated) throw new UsageError(`--${repeated[0]} is given more than once`);
  const [path, ...rest] = positionals;
  if (!path) throw new UsageError('report needs a PATH');
  if (rest.length > 0) throw new UsageError(`one PATH at a time, please: "${rest[0]!}" is too many`);
  const out = values.out?.[0];
  if (out === undefined || out === '') throw new UsageError('report needs --out FILE');
  const [threads, memory, device] = [values.threads?.[0], values.memory?.[0], values.device?.[0]];
  return {
    ...{ command: 'report', path, out, layers: values.layers ?? [], own: values.own ?? [] },
    ...commonValues({
      ...(threads !== undefined && { threads }),
      ...(memory !== undefined && { memory }),
      ...(device !== undefined && { device }),
    }),
    settings: { farms: { ...DEFAULT_FARMS, enabled: values['no-farms'] !== true } },
    overwrite: values.overwrite === true,
    cache: values['no-cache'] !== true,
  };
}
