/** Layers on a device that is right, wrong, or fails: real files, a real worker, a device made for the test. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Checkpoint } from '../../extension/checkpoint/checkpoint';
import { openModel } from '../../extension/checkpoint/openModel';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import { MemoryBudget } from '../../extension/engine/resources/memoryBudget';
import { analyseLayer, type PipelineContext } from '../../extension/engine/layer/layerPipeline';
import type { LayerOutcome } from '../../extension/engine/worker/layerRecords';
import { WorkerPool } from '../../extension/engine/worker/workerPool';
import { createMatrixProducts } from '../../extension/linalg/products/matrixProducts';
import type { MatrixProducts } from '../../extension/linalg/products/productTypes';
import { layersOf } from '../../extension/spectral/matrices';
import { largestDifference } from '../harness/numbers/denseReference';
import { FakeDevice } from '../harness/fakes/fakeDevice';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { repositoryRoot } from '../harness/shared';

const SIDE = 400;

/** As many rows as a chunk's 32 MB hold, and some more. */
const TALL = 11_000;

/** Enough to hold any tensor here, and so little that the tall ones are read in bands of rows. */
const PLENTY = 1 << 30;
const LITTLE = 138e6;

describe('layers on a device', () => {
  let folder: string;
  let pool: WorkerPool;
  let checkpoint: Checkpoint;
  let products: MatrixProducts;
  let onCpu: string;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-devices-'));
    products = await createMatrixProducts();
    onCpu = `float64 ${products.device.provider}`;
    pool = new WorkerPool(1, path.join(repositoryRoot, 'dist', 'worker.js'));
    const values = uniform(TALL * SIDE, 7);
    const part = values.subarray(0, 450 * SIDE);
    // Every column twice: half of the eigenvalues are zero.
    const twice = part.map((_, at) => part[at - (at % 2)]!);
    const broken = values.slice();
    broken[TALL * SIDE - 1] = NaN;
    const file = writeSafetensors(path.join(folder, 'model.safetensors'), [
      { name: 'tall', shape: [TALL, SIDE], values },
      { name: 'broken', shape: [TALL, SIDE], values: broken },
      { name: 'plain', shape: [450, SIDE], values: part },
      { name: 'wide', shape: [SIDE, 450], values: part },
      { name: 'twice', shape: [450, SIDE], values: twice },
      { name: 'small', shape: [64, 48], values: part.subarray(0, 64 * 48) },
    ]);
    checkpoint = await openModel(file);
  });
  after(async () => {
    await checkpoint.close();
    await products.dispose();
    await pool.terminate();
    rmSync(folder, { recursive: true, force: true });
  });

  async function analyse(
    name: string,
    device?: FakeDevice,
    memory = PLENTY,
    signal = new AbortController().signal,
  ): Promise<LayerOutcome & { lost: string[] }> {
    const tensor = checkpoint.tensors.find((each) => each.name === name)!;
    const lost: string[] = [];
    const context: PipelineContext = {
      checkpoint,
      pool,
      products: () => Promise.resolve(products),
      devices: {
        forOrder: () => Promise.resolve(lost.length > 0 ? undefined : device),
        lost: (_, error) => Promise.resolve(void lost.push((error as Error).message)),
      },
      settings: { farms: { ...DEFAULT_FARMS, enabled: false } },
      memory: new MemoryBudget(memory),
      signal,
      onProgress: (_, fraction) => assert.ok(fraction >= 0 && fraction <= 1),
    };
    return { ...(await analyseLayer(context, tensor, layersOf(tensor).layers[0])), lost };
  }

  for (const [way, memory] of [
    ['held', PLENTY],
    ['read in bands', LITTLE],
  ] as const) {
    it(`have the device’s eigenvalues where they are good: ${way}`, async () => {
      const device = new FakeDevice({ spoil: (value) => value * (1 + 1e-13) });
      const found = await analyse('tall', device, memory);
      const reference = await analyse('tall', undefined, memory);
      assert.equal(found.result.precision, 'float32×5 webgpu');
      assert.equal(found.result.precisionNote, undefined);
      assert.equal(reference.result.precision, onCpu);
      assert.equal(device.begun, 1);
      assert.deepEqual(found.result.statistics, reference.result.statistics);
      assertClose(found, reference);
    });

    it(`are computed again on the CPU where the device is inexact, and say so: ${way}`, async () => {
      // As plain float32 sums would be: good enough to look right.
      const inexact = new FakeDevice({ spoil: (value, index) => value + 1e-3 * Math.sin(index) });
      const found = await analyse('tall', inexact, memory);
      const reference = await analyse('tall', undefined, memory);
      assert.equal(found.result.precision, onCpu);
      const note = found.result.precisionNote!;
      assert.match(note, /on the CPU instead of webgpu: its error may be .* of the median eigenvalue/);
      assert.deepEqual(found.eigenvalues, reference.eigenvalues);
      assert.deepEqual(found.result.statistics, reference.result.statistics);
      assert.deepEqual(found.lost, []);
    });

    it(`are computed again on the CPU where the device fails half-way, which gives it up: ${way}`, async () => {
      let chunks = 0;
      const failing = new FakeDevice({
        onChunk: () => {
          if (++chunks === 2) throw new Error('device lost');
        },
      });
      const found = await analyse('tall', failing, memory);
      const reference = await analyse('tall', undefined, memory);
      assert.deepEqual(found.lost, ['Error: device lost']);
      assert.equal(found.result.precision, onCpu);
      assert.match(found.result.precisionNote!, /instead of webgpu: .*device lost/);
      assert.deepEqual(found.eigenvalues, reference.eigenvalues);
      assert.deepEqual(found.result.statistics, reference.result.statistics);
      assert.deepEqual(found.result.problems, []);
    });

    it(`that are cancelled while the next chunk is prepared end as cancelled, and nothing is left unheard: ${way}`, async () => {
      const cancel = new AbortController();
      // Long enough for the preparation to end as cancelled before the product notices.
      const device = new FakeDevice({ onChunk: () => void setTimeout(() => cancel.abort(), 5), delayMs: 50 });
      const unheard: unknown[] = [];
      const hear = (reason: unknown): unknown => unheard.push(reason);
      const others = process.listeners('unhandledRejection');
      process.removeAllListeners('unhandledRejection').on('unhandledRejection', hear);
      try {
        await assert.rejects(analyse('tall', device, memory, cancel.signal), { name: 'AbortError' });
      } finally {
        process.removeListener('unhandledRejection', hear);
        for (const other of others) process.on('unhandledRejection', other);
      }
      assert.deepEqual(unheard, []);
    });

    it(`with NaN behind the place where the device failed have no spectrum either: ${way}`, async () => {
      const failing = new FakeDevice({
        onChunk: () => {
          throw new Error('device lost');
        },
      });
      const { result } = await analyse('broken', failing, memory);
      assert.equal(result.problems[0]!.code, 'not-finite');
      assert.equal(result.statistics!.nan, 1);
      assert.equal(result.statistics!.count, TALL * SIDE);
    });

    it(`with NaN have no spectrum, on a device either: ${way}`, async () => {
      const { result } = await analyse('broken', new FakeDevice(), memory);
      assert.equal(result.problems[0]!.code, 'not-finite');
      assert.equal(result.statistics!.nan, 1);
      assert.equal(result.precision ?? '', '');
    });
  }

  it('that are wider than tall take the same way', async () => {
    const onDevice = await analyse('wide', new FakeDevice());
    assert.equal(onDevice.result.precision, 'float32×5 webgpu');
    assertClose(onDevice, await analyse('wide'));
  });

  it('keep their exact rank: a device that might hide it is not used', async () => {
    const blurred = new FakeDevice({ spoil: (value, index) => value + 1e-9 * Math.cos(index) });
    const { result } = await analyse('twice', blurred);
    assert.equal(result.precision, onCpu);
    assert.equal(result.metrics.matrix_rank, SIDE / 2);
    // An exact device is good enough for it.
    assert.equal((await analyse('twice', new FakeDevice())).result.precision, 'float32×5 webgpu');
  });

  it('that are small never leave their worker', async () => {
    const device = new FakeDevice();
    assert.equal((await analyse('small', device)).result.precision, 'float64 wasm');
    assert.equal(device.begun, 0);
  });

  it('can be cancelled on a device, which is no failure of it', async () => {
    const controller = new AbortController();
    const device = new FakeDevice({ onChunk: () => controller.abort() });
    await assert.rejects(analyse('plain', device, PLENTY, controller.signal), { name: 'AbortError' });
    assert.equal((await analyse('plain', device)).result.precision, 'float32×5 webgpu');
  });
});

/** Equal but for rounding: float64 sums made in another order. */
function assertClose(found: LayerOutcome, reference: LayerOutcome): void {
  const largest = reference.eigenvalues.at(-1)!;
  assert.ok(largestDifference(found.eigenvalues, reference.eigenvalues) < 1e-12 * largest);
}
