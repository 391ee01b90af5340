/**
 * The WebGPU path for real, on the software device that the harness puts into the environment: the session, the exact
 * products, the trial in its own process, a layer from the terminal, and what happens when the device fails.
 */
import assert from 'node:assert/strict';
import type { MetricKey } from '../../extension/shared/metricTable';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import { Devices } from '../../extension/engine/resources/devices';
import { analyseLayer } from '../../extension/engine/layer/layerPipeline';
import { MemoryBudget } from '../../extension/engine/resources/memoryBudget';
import { trialProcess } from '../../extension/engine/resources/trialProcess';
import { WorkerPool } from '../../extension/engine/worker/workerPool';
import { loadKernels } from '../../extension/linalg/kernels/loadKernels';
import type { MatrixProducts } from '../../extension/linalg/products/productTypes';
import type { InspectReport } from '../../extension/shared/inspectReport';
import { checkDevice } from '../../extension/linalg/devices/deviceTrial';
import { CheckedGram } from '../../extension/linalg/gram/gramCheck';
import { DeviceError, openGramDevice, splitDevice, type GramDevice } from '../../extension/linalg/devices/gramDevice';
import { createMatrixProducts } from '../../extension/linalg/products/matrixProducts';
import { openSplitProduct } from '../../extension/linalg/devices/onnxSplitProduct';
import { BLOCK_DEPTH } from '../../extension/linalg/devices/splitGraph';
import { layersOf } from '../../extension/spectral/matrices';
import { fromSlabs, largestDifference, randomMatrix } from '../harness/numbers/denseReference';
import { makeRandomMatrix } from '../harness/checkpoints/madeCheckpoints';
import { repositoryRoot } from '../harness/shared';
import { assertSplitProductIsExact } from '../harness/numbers/splitReference';

/** Just large enough to leave the worker's own kernels: the software device does a billion operations a second at best. */
const [ROWS, SIDE] = [400, 386];

describe('webgpu on the software device', () => {
  let folder: string;
  let file: string;
  let device: GramDevice;
  let products: MatrixProducts;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-webgpu-'));
    file = makeRandomMatrix(folder, ROWS, SIDE);
    products = await createMatrixProducts();
    device = await openGramDevice('webgpu', 'split');
  });
  after(async () => {
    await device.release();
    await products.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it('runs the whole graph of slices, with the very numbers of the definition', () =>
    assertSplitProductIsExact('webgpu'));

  it('makes a Gram matrix as good as float64’s where the policy needs it', async () => {
    await checkDevice(device, loadKernels());
    const [n, k] = [140, 250];
    const x = randomMatrix(n, k, 3).map(Math.fround);
    const checked = new CheckedGram(device.begin(n), products, n);
    await checked.add(x, k);
    const { gram, errorBound } = await checked.finish();
    const error = largestDifference(fromSlabs(gram), loadKernels().gram(x, n, k, 'rows'));
    assert.ok(error < k * 2 ** -39, `wrong by ${error}`);
    assert.ok(error <= errorBound && errorBound < 1e-8, `the bound is ${errorBound}`);
  });

  it('passes its trial in a process of its own, and is found too slow to be taken unasked', async () => {
    const trial = trialProcess(path.join(repositoryRoot, 'dist', 'trial.js'));
    const verdict = await trial('webgpu', 300_000);
    assert.ok('trial' in verdict, JSON.stringify(verdict));
    assert.equal(verdict.trial.precision, 'float32×5');
    assert.equal(verdict.trial.seconds, null, 'a software device is no match for the CPU');
    assert.ok(verdict.trial.rate > 0 && verdict.trial.cpuSeconds > 0);
  });

  it('is refused, and nothing else happens, where its trial is killed half-way', async () => {
    const trial = trialProcess(path.join(repositoryRoot, 'dist', 'trial.js'), (child) => {
      setTimeout(() => child.kill('SIGKILL'), 500);
    });
    const verdict = await trial('webgpu', 300_000);
    assert.ok('refused' in verdict && verdict.refused.startsWith('its trial was ended by SIGKILL'));
  });

  it('gives a layer in the terminal the numbers of the CPU', () => {
    const inspect = (name: string): InspectReport => {
      const program = path.join(repositoryRoot, 'dist', 'cli.js');
      const args = [program, 'inspect', file, '--json', '--no-cache', '--no-farms', '--device', name];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
      assert.equal(status, 0, stderr);
      return JSON.parse(stdout) as InspectReport;
    };
    const [onDevice, onCpu] = [inspect('webgpu'), inspect('cpu')];
    assert.deepEqual(onDevice.device.refused, []);
    assert.equal(onDevice.device.provider, 'webgpu');
    const [layer, reference] = [onDevice.layers[0]!, onCpu.layers[0]!];
    assert.equal(layer.precision, 'float32×5 webgpu');
    assert.equal(layer.precisionNote, undefined);
    assert.equal(reference.precision, 'float64 cpu');
    assert.equal(layer.metrics.matrix_rank, SIDE);
    for (const [name, value] of Object.entries(reference.metrics)) {
      const found = layer.metrics[name as MetricKey]!;
      // The policy allows 1e-6 of each eigenvalue in the upper half; nothing here depends on more than that.
      assert.ok(Math.abs(found - value!) <= 1e-6 * Math.abs(value!), `${name}: ${found}, on the CPU ${value!}`);
    }
    assert.deepEqual(
      Object.entries(layer.ranks).map(([rule, { rank }]) => [rule, rank]),
      Object.entries(reference.ranks).map(([rule, { rank }]) => [rule, rank]),
    );
  });

  it('rejects what it has no memory for, and goes on', async () => {
    const { product, release } = await openSplitProduct('webgpu');
    // The product has 2.3 GB: no buffer may be larger than 2³¹ bytes.
    const rows = 24_000;
    const x = new Float32Array(rows * BLOCK_DEPTH);
    await assert.rejects(product(x, x, 1, rows, rows));
    const one = new Float32Array(BLOCK_DEPTH).fill(1);
    assert.equal((await product(one, one, 1, 1, 1))[0][0], BLOCK_DEPTH);
    await release();
  });

  it('is given up when it fails half-way through a layer, which the CPU then repeats', async () => {
    const { product, release } = await openSplitProduct('webgpu');
    let runs = 0;
    const losing = splitDevice(
      'webgpu',
      async (...operands) => {
        // The session is gone from the second run on, as after the loss of the device.
        if (++runs === 2) await release();
        return product(...operands);
      },
      () => Promise.resolve(),
    );
    const trial = { provider: 'webgpu', arithmetic: 'split', precision: 'float32×5', rate: 1 } as const;
    let changes = 0;
    const devices = new Devices({
      request: 'webgpu',
      onChange: () => changes++,
      onnxruntime: () => Promise.resolve({ loads: true }),
      trial: () => Promise.resolve({ trial: { ...trial, seconds: null, cpuSeconds: 1 } }),
      open: () => Promise.resolve(losing),
    });
    const checkpoint = await openModel(file);
    const pool = new WorkerPool(1, path.join(repositoryRoot, 'dist', 'worker.js'));
    const [tensor] = checkpoint.tensors;
    const { result } = await analyseLayer(
      {
        checkpoint,
        pool,
        products: () => Promise.resolve(products),
        devices,
        settings: { farms: { ...DEFAULT_FARMS, enabled: false } },
        memory: new MemoryBudget(1 << 30),
        signal: new AbortController().signal,
        onProgress: () => undefined,
      },
      tensor!,
      layersOf(tensor!).layers[0],
    );
    await checkpoint.close();
    await pool.terminate();
    assert.equal(runs, 2);
    assert.equal(result.precision, 'float64 cpu');
    assert.match(result.precisionNote!, /on the CPU instead of webgpu: Session already disposed/);
    assert.equal(result.metrics.matrix_rank, SIDE);
    const { provider, refused } = devices.info(products.device, 1);
    assert.equal(provider, 'cpu');
    assert.match(refused[0]!.reason, /failed while it was in use: Session already disposed/);
    assert.equal(changes, 2);
  });

  it('names its failures as the device’s', async () => {
    const { product, release } = await openSplitProduct('webgpu');
    await release();
    const sum = splitDevice('webgpu', product, release).begin(4);
    await assert.rejects(async () => {
      await sum.add(new Float64Array(4), 1);
      await sum.finish();
    }, DeviceError);
  });
});
