import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { KnownVerdicts, verdictOf } from '../../../../extension/host/code/knownVerdicts';
import type { CheckpointSession } from '../../../../extension/host/editor/checkpointSession';
import type { InspectSettings, LayerResult } from '../../../../extension/shared/layers';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { eventually } from '../../../harness/eventually';

const settings = { farms: { rows: 2000 } } as InspectSettings;

function tensor(name: string, more: Partial<TensorSummary> = {}): TensorSummary {
  return { name, layers: [name], ...more } as TensorSummary;
}

/** A layer with a spectrum that has no fit, and `nan` NaN in it. */
function result(name: string, nan = 0): LayerResult {
  const statistics = { count: 64, zeros: 0, nan, inf: 0 };
  return { name, matrices: 1, M: 8, N: 8, fits: {}, metrics: {}, statistics } as unknown as LayerResult;
}

describe('verdicts on whole models', () => {
  it('count layers once all of them have a result', () => {
    const tensors = [tensor('a'), tensor('b'), tensor('adam.a', { notModel: 'optimizer state' })];
    const results = new Map([['a', result('a')]]);
    assert.equal(verdictOf(tensors, results), undefined);
    results.set('b', result('b', 3));
    const counts = { layers: 2, wellTrained: 0, underTrained: 0, overTrained: 0, broken: 1 };
    assert.deepEqual(verdictOf(tensors, results), counts);
    results.set('b', { ...result('b'), tiedWith: 'a' });
    assert.equal(verdictOf(tensors, results)?.layers, 1);
    assert.equal(verdictOf([tensor('ids', { layers: [] })], results), undefined);
  });

  it('are remembered for the same files and settings, by the next window too', async () => {
    const store = new Map<string, unknown>();
    const memento = {
      get: (key: string) => store.get(key),
      update: (key: string, value: unknown) => Promise.resolve(void store.set(key, structuredClone(value))),
    };
    const log = { warn: (message: string) => assert.fail(message) };
    const known = new KnownVerdicts(memento, () => settings, log);
    const events = new EventEmitter();
    const session = {
      path: '/m.safetensors',
      results: new Map([['a', result('a')]]),
      summary: () => Promise.resolve({ version: '1', tensors: [tensor('a')] }),
      on: (name: string, listener: () => void) => events.on(name, listener),
      onDispose: () => undefined,
    } as unknown as CheckpointSession;
    let news = 0;
    known.onChange(() => (news += 1));
    known.watch(session);
    events.emit('result');
    events.emit('result');
    await eventually(
      () => Promise.resolve(news),
      (count) => count === 1,
    );
    assert.equal(known.of('/m.safetensors', '1')?.layers, 1);
    assert.equal(known.of('/m.safetensors', '2'), undefined);
    const next = (own: InspectSettings): KnownVerdicts => new KnownVerdicts(memento, () => own, log);
    assert.equal(next(settings).of('/m.safetensors', '1')?.layers, 1);
    assert.equal(next({ ...settings, randomise: true }).of('/m.safetensors', '1'), undefined);
  });

  it('ignore what another version of the extension may have stored', () => {
    for (const stored of [7, [['/m', null]], [['/m', { version: '1', settings: '{}', verdict: { layers: 'x' } }]]]) {
      const store = { get: () => stored, update: () => Promise.resolve() };
      assert.equal(new KnownVerdicts(store, () => settings, console).of('/m', '1'), undefined);
    }
  });
});
