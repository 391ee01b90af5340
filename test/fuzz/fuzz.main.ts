/**
 * The long run: `npm run fuzz -- [--cases 20000] [--seed S] [--format F] [--case N]`. Cases are per format; `--case`
 * repeats one. Exit status 1 where a case failed.
 */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzzer';
import { reportLines } from './report';
import { fuzzSources } from './sources';

const DEFAULT_CASES = 20_000;

/** Formats one after the other in pieces of this many cases, with a line after each. */
const PIECE = 2000;

function number(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^\d{1,15}$/.test(text)) throw new Error(`${text} is not a number`);
  return Number(text);
}

async function main(): Promise<void> {
  const string = { type: 'string' } as const;
  const { values } = parseArgs({ options: { cases: string, seed: string, format: string, case: string } });
  const known = [...fuzzSources().keys()];
  if (values.format !== undefined && !known.includes(values.format)) {
    throw new Error(`no format ${values.format}; there are ${known.join(', ')}`);
  }
  const seed = number(values.seed, Date.now() % 1_000_000_000);
  const first = number(values.case, 0);
  const last = values.case === undefined ? number(values.cases, DEFAULT_CASES) : first + 1;
  console.log(`seed ${seed}`);
  for (const format of values.format === undefined ? known : [values.format]) {
    for (let from = first; from < last; from += PIECE) {
      const report = await fuzz({ format, seed, from, to: Math.min(from + PIECE, last) });
      for (const line of reportLines(report)) console.log(line);
      if (report.failures.length > 0) process.exitCode = 1;
    }
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
});
