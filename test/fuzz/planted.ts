/** Readers with one fault each, by the damaged file's case number: the fuzzer's own test. */
import { CheckpointError } from '../../extension/checkpoint/checkpointError';
import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../extension/checkpoint/checkpoint';
import { allowed, ownTime } from '../harness/machineSpeed';
import { OUTSIDE } from './bench';
import { CASE_MILLISECONDS } from './limits';

/** What each case does, in order; the sound checkpoint that comes first is refused by none. */
export const PLANTED = [
  'refuses',
  'throws a TypeError',
  'never ends',
  'takes much memory',
  'leaves a file open',
  'writes to the checkpoint',
  'reads another file',
  'writes elsewhere',
  'ends the process',
  'is slow',
  'rejects behind the back',
] as const;

const MEGABYTE = 2 ** 20;

export async function openPlanted(file: string, index: number): Promise<Checkpoint> {
  const empty: Checkpoint = {
    path: file,
    format: 'planted',
    files: [file],
    metadata: {},
    tensors: [],
    problems: [],
    read: () => Promise.reject(new Error('has no tensors')),
    close: () => Promise.resolve(),
  };
  const fault = PLANTED[index];
  switch (fault) {
    case 'refuses':
      throw new CheckpointError('malformed', 'is refused', { file });
    case 'throws a TypeError':
      throw new TypeError('planted');
    case 'never ends':
      // As an endless loop does, without the heat.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      break;
    case 'takes much memory':
      Buffer.alloc(300 * MEGABYTE, 1);
      break;
    case 'leaves a file open':
      openSync(file, 'r');
      break;
    case 'writes to the checkpoint':
      writeFileSync(path.join(path.dirname(file), readdirSync(path.dirname(file))[0]!), 'changed');
      break;
    case 'reads another file':
      closeSync(openSync(outside(file), 'r'));
      break;
    case 'writes elsewhere':
      writeFileSync(outside(file), 'changed');
      break;
    case 'ends the process':
      process.exit(3);
      break;
    case 'is slow':
      for (const end = ownTime() + allowed(CASE_MILLISECONDS) + 100; ownTime() < end;) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      break;
    case 'rejects behind the back':
      void Promise.reject(new Error('planted'));
      break;
    case undefined:
  }
  return empty;
}

/** The file beside the checkpoint's folder. */
function outside(file: string): string {
  return path.join(path.dirname(path.dirname(file)), OUTSIDE);
}
