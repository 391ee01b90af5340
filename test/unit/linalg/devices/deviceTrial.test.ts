import assert from 'node:assert/strict';
import { checkDevice, tryDevice, type TrialTools } from '../../../../extension/linalg/devices/deviceTrial';
import { splitDevice, type GramDevice } from '../../../../extension/linalg/devices/gramDevice';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { kernelProducts } from '../../../../extension/linalg/products/matrixProducts';
import { shortReason } from '../../../../extension/linalg/products/shortReason';
import type { SplitLevels, SplitProduct } from '../../../../extension/linalg/devices/splitGram';
import { FakeDevice } from '../../../harness/fakes/fakeDevice';
import { splitReference } from '../../../harness/numbers/splitReference';

const kernels = loadKernels();

describe('device check', () => {
  const check = (product: SplitProduct): Promise<void> =>
    checkDevice(
      splitDevice('webgpu', product, () => Promise.resolve()),
      kernels,
    );

  it('passes products that are exact', async () => {
    await check(splitReference);
  });

  it('refuses sums of 20 significant bits', async () => {
    const short: SplitProduct = async (...operands) => {
      const levels = await splitReference(...operands);
      return levels.map((level) => level.map((sum) => (Math.abs(sum) > 2 ** 20 ? sum & ~3 : sum))) as SplitLevels;
    };
    await assert.rejects(check(short), /wrong by/);
  });

  it('refuses factors rounded to half precision', async () => {
    const half: SplitProduct = (x, y, ...sizes) => splitReference(x.map(toHalf), y, ...sizes);
    await assert.rejects(check(half), /wrong by/);
  });

  it('refuses what is not a number', async () => {
    await assert.rejects(checkDevice(new FakeDevice({ spoil: () => NaN }), kernels), /wrong by NaN/);
  });
});

/** 11 significant bits, as float16 has. */
function toHalf(value: number): number {
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  return value === 0 ? 0 : Math.round(value / unit) * unit;
}

describe('device trial', () => {
  const steps = [
    { order: 16, depth: 20 },
    { order: 40, depth: 30 },
  ];
  const tools = (open: TrialTools['open']): TrialTools => ({ open, products: kernelProducts(kernels), kernels });

  it('times what is right, against the CPU', async () => {
    const device = new FakeDevice();
    const trial = await tryDevice(
      'webgpu',
      tools(() => Promise.resolve(device)),
      steps,
    );
    assert.equal(trial.provider, 'webgpu');
    assert.equal(trial.arithmetic, 'split');
    assert.ok(trial.seconds! > 0 && trial.cpuSeconds > 0);
    assert.ok(Math.abs(trial.rate / ((40 * 40 * 30) / 2 / trial.seconds!) - 1) < 1e-9);
    assert.equal(device.released, 1);
  });

  it('gives a slow device up before the large matrix', async () => {
    const device = new FakeDevice({ delayMs: 150 });
    const trial = await tryDevice(
      'webgpu',
      tools(() => Promise.resolve(device)),
      steps,
    );
    assert.equal(trial.seconds, null);
    // The check, and two runs of the first step.
    assert.equal(device.begun, 3);
  });

  it('takes the faster arithmetic of a device that has two', async () => {
    const devices: Record<string, GramDevice> = {
      float64: new FakeDevice({ provider: 'cuda', precision: 'float64', delayMs: 20 }),
      split: new FakeDevice({ provider: 'cuda' }),
    };
    const open: TrialTools['open'] = (_, arithmetic) => Promise.resolve(devices[arithmetic]!);
    assert.equal((await tryDevice('cuda', tools(open), steps)).precision, 'float32×5');
    devices.split = new FakeDevice({ spoil: (value) => value * 1.001 });
    assert.equal((await tryDevice('cuda', tools(open), steps)).precision, 'float64');
  });

  it('refuses a device that is right on small matrices and wrong on larger ones', async () => {
    let begun = 0;
    const wrong = new FakeDevice({
      spoil: (value) => (begun > 3 ? value * (1 + 1e-6) : value),
      onChunk: () => begun++,
    });
    const trial = tryDevice(
      'webgpu',
      tools(() => Promise.resolve(wrong)),
      steps,
    );
    await assert.rejects(trial, /Gram matrix of order 40 is wrong by/);
    assert.equal(wrong.released, 1);
  });

  it('says why a device cannot be opened, once', async () => {
    const missing: TrialTools['open'] = () => Promise.reject(new Error('no such library'));
    await assert.rejects(tryDevice('cuda', tools(missing), steps), { message: 'no such library' });
  });
});

describe('reasons', () => {
  it('leave out where in onnxruntime’s sources a condition failed', () => {
    const said =
      '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 Initialize(const Config&)::<lambda()> ' +
      'adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get an adapter: none\n';
    assert.equal(shortReason(said), 'Failed to get an adapter: none');
    assert.equal(shortReason('\nno backend found\nat line 3'), 'no backend found');
  });
});
