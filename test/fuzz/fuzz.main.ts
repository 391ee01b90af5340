/**
 * The long run: `npm run fuzz -- [--cases 20000] [--seed S] [--format F] [--case N] [--corpus]`. Cases are per format;
 * `--case` repeats one; `--corpus` runs the hostile corpus in place of random damage. Exit status 1 where a case failed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { corpusOf } from './cases';
import { corpusFormats } from './corpus/corpora';
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
  const corpus = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({ options: { cases: string, seed: string, format: string, case: string, corpus } });
  const known = values.corpus ? corpusFormats : [...fuzzSources().keys()];
  if (values.format !== undefined && !known.includes(values.format)) {
    throw new Error(`no format ${values.format}; there are ${known.join(', ')}`);
  }
  const seed = number(values.seed, Date.now() % 1_000_000_000);
  const first = number(values.case, 0);
  const origin = values.corpus ? 'corpus' : 'random';
  console.log(`seed ${seed}`);
  for (const format of values.format === undefined ? known : [values.format]) {
    const all = values.corpus ? corpusSize(format) : number(values.cases, DEFAULT_CASES);
    const last = values.case === undefined ? all : first + 1;
    for (let from = first; from < last; from += PIECE) {
      const report = await fuzz({ format, origin, seed, from, to: Math.min(from + PIECE, last) });
      for (const line of reportLines(report)) console.log(line);
      if (report.failures.length > 0) process.exitCode = 1;
    }
  }
}

function corpusSize(format: string): number {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-corpus-'));
  try {
    return corpusOf(format, folder).count;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
});
