/** Work that needs memory and a worker of its own. */
import assert from 'node:assert/strict';
import { LayerError } from '../../../../extension/engine/layer/layerInput';
import { leasedWork } from '../../../../extension/engine/requests/leasedWork';
import { MemoryBudget } from '../../../../extension/engine/resources/memoryBudget';
import type { WorkerLease, WorkerPool } from '../../../../extension/engine/worker/workerPool';

const { signal } = new AbortController();

function parts(limit: number): { memory: MemoryBudget; pool: WorkerPool; leases: () => number } {
  let leases = 0;
  const lease = (): Promise<WorkerLease> => Promise.resolve({ release: () => leases++ } as unknown as WorkerLease);
  return { memory: new MemoryBudget(limit), pool: { lease } as unknown as WorkerPool, leases: () => leases };
}

describe('leased work', () => {
  it('is refused in a sentence, before a worker is taken, if its memory is more than the limit', async () => {
    const given = parts(1e6);
    const work = leasedWork(given, { what: 'compressing a.weight', bytes: 3e6 }, signal, () => Promise.resolve());
    await assert.rejects(work, (error: unknown) => {
      assert.ok(error instanceof LayerError);
      assert.match(error.message, /^compressing a\.weight needs about 3 MB .* 1 MB; raise the memory limit$/);
      return true;
    });
    assert.equal(given.leases(), 0);
  });

  it('gives back worker and memory, however it ends', async () => {
    const given = parts(1e6);
    const needed = { what: 'work', bytes: 1e6 };
    assert.equal(await leasedWork(given, needed, signal, () => Promise.resolve(7)), 7);
    const failing = leasedWork(given, needed, signal, () => Promise.reject(new Error('no')));
    await assert.rejects(failing, /no/);
    assert.equal(given.leases(), 2);
    (await given.memory.reserve(1e6, signal)).release();
  });
});
