import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { CheckpointSession } from '../../../../extension/host/editor/checkpointSession';
import { logSession } from '../../../../extension/host/editor/sessionLog';
import type { LayerResult } from '../../../../extension/shared/layers';
import type { CheckpointSummary } from '../../../../extension/shared/tensors';

/** A session of which only its news count, and a clock that the test turns on. */
function watched(summary: () => Promise<unknown>): {
  tell: (name: string, params: unknown) => void;
  close: () => void;
  lines: string[];
  pass: (milliseconds: number) => void;
} {
  const events = new EventEmitter();
  const lines: string[] = [];
  let time = 0;
  let close = (): void => undefined;
  const session = {
    path: '/m.safetensors',
    summary,
    on: (name: string, listener: (params: unknown) => void) => events.on(name, listener),
    onDispose: (listener: () => void) => (close = listener),
  } as unknown as CheckpointSession;
  const level = (name: string) => (message: string) => void lines.push(`${name} ${message}`);
  const log = { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
  logSession(session, log, () => time);
  const pass = (milliseconds: number): void => void (time += milliseconds);
  return { tell: (name, params) => void events.emit(name, params), close: () => close(), lines, pass };
}

const summary: Partial<CheckpointSummary> = {
  ...{ format: 'safetensors', architecture: 'dense network', parameters: 6, bytes: 24, files: ['/m.safetensors'] },
  ...{
    tensors: [],
    problems: [
      { code: 'x', message: 'b is damaged.' },
      { code: 'x', message: '/m.safetensors, byte 8: c is cut off.' },
    ],
  },
};

const result = (name: string, more: Partial<LayerResult> = {}): LayerResult =>
  ({ name, precision: 'float64 cpu', elapsed: 120, problems: [], ...more }) as unknown as LayerResult;

describe('the log of a session', () => {
  it('tells what was opened, computed on what, and how long it took', async () => {
    const { tell, lines, pass, close } = watched(() => Promise.resolve(summary));
    pass(30);
    await Promise.resolve();
    tell('queue', { done: 0, total: 2 });
    pass(1500);
    tell('result', result('a'));
    tell('result', result('b', { problems: [{ code: 'x', message: 'b has a NaN.' }] }));
    tell('queue', { done: 2, total: 2 });
    close();
    assert.deepEqual(lines, [
      'info opened /m.safetensors: safetensors, dense network; 0 tensors, 6 parameters, 0.00 MB in 1 files; headers read in 0.03 s',
      'warn /m.safetensors: b is damaged.',
      'warn /m.safetensors, byte 8: c is cut off.',
      'debug /m.safetensors: computed a in 0.12 s, float64 cpu',
      'debug /m.safetensors: computed b in 0.12 s, float64 cpu',
      'warn /m.safetensors: b: b has a NaN.',
      'info /m.safetensors: computed 2 layers in float64 cpu, 1.50 s; 1 with problems',
      'info closed /m.safetensors',
    ]);
  });

  it('tells why nothing was opened', async () => {
    const { lines } = watched(() => Promise.reject(new Error('truncated at byte 8')));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(lines, ['error /m.safetensors was not opened: truncated at byte 8']);
  });

  it('tells how a save ended', () => {
    const { tell, lines, pass } = watched(() => new Promise(() => undefined));
    const request = { layer: 'a', method: 'svd', output: 'factors', target: '/out' };
    tell('saved', { request, seconds: 0.5, result: { path: '/out', bytes: 2e6, rank: 3, measured_error: 0.03125 } });
    tell('saved', { request, seconds: 0.5, problem: { code: 'cancelled', message: '' } });
    tell('saved', { request, seconds: 0.5, problem: { code: 'disk-full', message: 'no space' } });
    tell('modelSaving', { state: 'running', target: '/model', fraction: 0 });
    tell('modelSaving', { state: 'running', target: '/model', fraction: 0.5 });
    pass(2000);
    tell('modelSaving', { state: 'stopped', target: '/model', problem: { code: 'x', message: 'the disk is full' } });
    tell('modelSaving', { state: 'running', target: '/model', fraction: 0.5 });
    pass(1000);
    const bytes = { before: 4e6, after: 1e6, tensors: 9e5 };
    tell('modelSaving', { state: 'done', target: '/model', result: { files: ['a', 'b'], layers: ['a'], bytes } });
    assert.deepEqual(lines, [
      'info /m.safetensors: saved /out: a by svd, as factors at rank 3, relative error 0.0313, 2.00 MB, 0.50 s',
      'info /m.safetensors: saving /out was cancelled, 0.50 s',
      'error /m.safetensors: /out was not saved: no space (a by svd, as factors, 0.50 s)',
      'info /m.safetensors: saving the compressed model into /model',
      'error /m.safetensors: saving /model stopped: the disk is full, 2.00 s',
      'info /m.safetensors: saving the compressed model into /model',
      'info /m.safetensors: saved /model: 2 files, 1 layers compressed, tensors of 0.90 MB instead of 4.00 MB, 1.00 MB with all files, 1.00 s',
    ]);
  });

  it('does not fill with the problems of a hundred layers', () => {
    const { tell, lines } = watched(() => new Promise(() => undefined));
    for (let i = 0; i < 100; i++) tell('result', result(`l${i}`, { problems: [{ code: 'x', message: 'damaged' }] }));
    const warnings = lines.filter((line) => line.startsWith('warn'));
    assert.equal(warnings.length, 21);
    assert.match(warnings.at(-1)!, /further problems of layers are in its table/);
  });
});
