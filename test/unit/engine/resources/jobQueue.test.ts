import assert from 'node:assert/strict';
import { JobQueue, type Job, type QueueState } from '../../../../extension/engine/resources/jobQueue';

interface Gate {
  release: () => void;
  fail: (error: Error) => void;
}

/** A queue whose jobs end when the test lets them. */
function harness(concurrency: number) {
  const started: string[] = [];
  const gates = new Map<string, Gate>();
  const failures: string[] = [];
  const aborted: string[] = [];
  let state: QueueState = { done: 0, total: 0, active: [] };
  const queue = new JobQueue(concurrency, {
    onState: (_, next) => (state = next),
    onFailed: (job, error) => failures.push(`${job.name}: ${(error as Error).message}`),
  });
  const job = (name: string, document = 'd'): Job => ({
    document,
    name,
    run: (signal) =>
      new Promise<void>((resolve, reject) => {
        started.push(name);
        gates.set(name, { release: resolve, fail: reject });
        signal.addEventListener('abort', () => {
          aborted.push(name);
          reject(new Error('aborted'));
        });
      }),
  });
  return { queue, job, started, gates, failures, aborted, state: () => state };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('job queue', () => {
  it('takes any number of jobs: the stack held 120 000 names', async () => {
    const { queue, started } = harness(1);
    const names = Array.from({ length: 200_000 }, (_, i) => `layer ${i}`);
    const done = new Promise<void>((resolve) => {
      for (const name of names) {
        queue.add({
          document: 'd',
          name,
          run: () => {
            started.push(name);
            if (started.length === names.length) resolve();
            return Promise.resolve();
          },
        });
      }
    });
    queue.prioritise('d', names);
    queue.start();
    await done;
    assert.deepEqual(started, names);
  });

  it('runs as many jobs at a time as it may, in order of queueing', async () => {
    const { queue, job, started, gates, state } = harness(2);
    for (const name of ['a', 'b', 'c']) queue.add(job(name));
    queue.start();
    assert.deepEqual(started, ['a', 'b']);
    assert.deepEqual(state(), { done: 0, total: 3, active: ['a', 'b'] });
    gates.get('a')!.release();
    await turn();
    assert.deepEqual(started, ['a', 'b', 'c']);
    assert.equal(state().done, 1);
  });

  it('takes prioritised jobs first, the latest request before earlier ones', async () => {
    const { queue, job, started, gates } = harness(1);
    for (const name of ['a', 'b', 'c', 'd', 'e']) queue.add(job(name));
    queue.start();
    queue.prioritise('d', ['d']);
    queue.prioritise('d', ['e', 'c']);
    for (const name of ['a', 'e', 'c', 'd']) {
      gates.get(name)!.release();
      await turn();
    }
    assert.deepEqual(started, ['a', 'e', 'c', 'd', 'b']);
  });

  it('does not queue a job twice', () => {
    const { queue, job, state } = harness(1);
    assert.equal(queue.add(job('a')), true);
    assert.equal(queue.add(job('a')), false);
    queue.start();
    assert.equal(queue.add(job('a')), false);
    assert.equal(state().total, 1);
  });

  it('cancels waiting and running jobs of one document only, without calling them failed', async () => {
    const { queue, job, started, gates, failures, aborted, state } = harness(1);
    queue.add(job('a'));
    queue.add(job('b'));
    queue.add(job('other', 'x'));
    queue.start();
    queue.cancel('d');
    await turn();
    assert.deepEqual(aborted, ['a']);
    assert.deepEqual(failures, []);
    assert.deepEqual(started, ['a', 'other']);
    gates.get('other')!.release();
    await turn();
    assert.deepEqual(state(), { done: 1, total: 1, active: [] });
  });

  it('cancels named jobs and runs the rest', async () => {
    const { queue, job, started, gates } = harness(1);
    for (const name of ['a', 'b', 'c']) queue.add(job(name));
    queue.start();
    queue.cancel('d', ['b']);
    gates.get('a')!.release();
    await turn();
    assert.deepEqual(started, ['a', 'c']);
  });

  it('reports a failed job and goes on', async () => {
    const { queue, job, started, gates, failures, state } = harness(1);
    queue.add(job('a'));
    queue.add(job('b'));
    queue.start();
    gates.get('a')!.fail(new Error('no memory'));
    await turn();
    assert.deepEqual(failures, ['a: no memory']);
    assert.deepEqual(started, ['a', 'b']);
    gates.get('b')!.release();
    await turn();
    assert.deepEqual(state(), { done: 2, total: 2, active: [] });
  });

  it('runs a job anew that was cancelled while running, after the cancelled run has ended', async () => {
    const { queue, job, started, gates } = harness(2);
    queue.add(job('a'));
    queue.start();
    queue.cancel('d', ['a']);
    assert.equal(queue.add(job('a')), true);
    queue.start();
    await turn();
    assert.deepEqual(started, ['a', 'a']);
    gates.get('a')!.release();
  });
});

describe('job queue: getting the next job ready', () => {
  function preparing(concurrency: number) {
    const { queue, job, started, gates } = harness(concurrency);
    const events: string[] = [];
    const add = (name: string, document = 'd'): void => {
      const inner = job(name, document);
      queue.add({
        document,
        name,
        run: (signal, prepared) => {
          events.push(`${name} runs ${prepared ? 'prepared' : 'unprepared'}`);
          return inner.run(signal);
        },
        prepare: () => {
          events.push(`prepare ${name}`);
          return { drop: () => events.push(`drop ${name}`) };
        },
      });
    };
    /** What happened since the last call. */
    const happened = (): string[] => events.splice(0);
    return { queue, add, started, gates, happened };
  }

  it('begins when all places are taken, and hands it to the run', async () => {
    const { queue, add, gates, happened } = preparing(2);
    for (const name of ['a', 'b', 'c', 'd']) add(name);
    queue.start();
    assert.deepEqual(happened(), ['a runs unprepared', 'b runs unprepared', 'prepare c']);
    gates.get('a')!.release();
    await turn();
    assert.deepEqual(happened(), ['c runs prepared', 'prepare d']);
    gates.get('b')!.release();
    gates.get('c')!.release();
    await turn();
    assert.deepEqual(happened(), ['d runs prepared']);
  });

  it('is not begun while places are free', () => {
    const { queue, add, happened } = preparing(3);
    add('a');
    queue.start();
    assert.deepEqual(happened(), ['a runs unprepared']);
  });

  it('is dropped where another job is prioritised, and begun for that one', async () => {
    const { queue, add, gates, happened } = preparing(1);
    for (const name of ['a', 'b', 'c']) add(name);
    queue.start();
    happened();
    queue.prioritise('d', ['c']);
    assert.deepEqual(happened(), ['drop b', 'prepare c']);
    queue.prioritise('d', ['c']);
    assert.deepEqual(happened(), []);
    gates.get('a')!.release();
    await turn();
    assert.deepEqual(happened(), ['c runs prepared', 'prepare b']);
  });

  it('is dropped with a cancel of the job, and begun for the next one of another document', () => {
    const { queue, add, happened } = preparing(1);
    add('a');
    add('b');
    add('c', 'other');
    queue.start();
    happened();
    queue.cancel('d', ['b']);
    assert.deepEqual(happened(), ['drop b', 'prepare c']);
    queue.cancel('other');
    assert.deepEqual(happened(), ['drop c']);
  });

  it('does the first pass before the second, the prioritised first in each', async () => {
    const { queue, job, started, gates } = harness(1);
    for (const name of ['a', 'b', 'c']) {
      queue.add({ ...job(name), pass: 1 });
      queue.add({ ...job(`quick ${name}`), pass: 0, kind: 'quick' });
    }
    queue.prioritise('d', ['c', 'quick c']);
    queue.start();
    for (let i = 0; i < 6; i++) {
      gates.get(started.at(-1)!)!.release();
      await turn();
      await turn();
    }
    assert.deepEqual(started, ['quick c', 'quick a', 'quick b', 'c', 'a', 'b']);
  });

  it('takes two kinds of one name for two jobs, and counts them apart', async () => {
    const { queue, job, gates, started, state } = harness(2);
    assert.ok(queue.add({ ...job('a'), pass: 1 }));
    assert.ok(queue.add({ ...job('a'), kind: 'quick' }));
    assert.ok(!queue.add({ ...job('a'), kind: 'quick' }));
    queue.start();
    assert.deepEqual(state(), { done: 0, total: 1, active: ['a'], quick: { done: 0, total: 1 } });
    assert.deepEqual(started, ['a', 'a']);
    queue.cancel('d', ['a']);
    await turn();
    await turn();
    assert.equal(gates.size, 1);
    assert.deepEqual(state(), { done: 0, total: 0, active: [] });
  });
});
