import assert from 'node:assert/strict';
import { Devices, type DeviceOptions } from '../../../../extension/engine/resources/devices';
import type { TrialVerdict } from '../../../../extension/engine/resources/trialProcess';
import type { DeviceTrial } from '../../../../extension/linalg/devices/deviceTrial';
import {
  acceleratorsOf,
  isAccelerator,
  isDeviceChoice,
  type Accelerator,
} from '../../../../extension/linalg/devices/providers';
import type { DeviceInfo } from '../../../../extension/shared/devices';
import { FakeDevice } from '../../../harness/fakes/fakeDevice';

const CPU = { provider: 'cpu', precision: 'float64', refused: [], threads: 2 } as const;

/** Verdicts by device; one that is missing must not be asked for. */
type Verdicts = Partial<Record<Accelerator, TrialVerdict>>;

function passed(provider: Accelerator, seconds: number | null, cpuSeconds = 1): TrialVerdict {
  const trial: DeviceTrial = { provider, arithmetic: 'split', precision: 'float32×5', rate: 5e9, seconds, cpuSeconds };
  return { trial };
}

function made(verdicts: Verdicts, options: Partial<DeviceOptions> = {}) {
  const tried: { provider: string; limitMs: number }[] = [];
  const opened: FakeDevice[] = [];
  let changes = 0;
  const devices = new Devices({
    request: 'auto',
    platform: 'linux',
    onChange: () => changes++,
    onnxruntime: () => Promise.resolve({ loads: true }),
    trial: (provider, limitMs) => {
      tried.push({ provider, limitMs });
      return Promise.resolve(verdicts[provider]!);
    },
    open: (provider) => {
      const device = new FakeDevice({ provider });
      opened.push(device);
      return Promise.resolve(device);
    },
    ...options,
  });
  const info = (): DeviceInfo => devices.info({ ...CPU, refused: [] }, 4);
  return { devices, tried, opened, info, changes: () => changes };
}

describe('devices', () => {
  it('are not tried for small matrices, nor where the CPU was asked for', async () => {
    const automatic = made({});
    assert.equal(await automatic.devices.forOrder(1023), undefined);
    assert.deepEqual(automatic.tried, []);
    const cpu = made({}, { request: 'cpu' });
    assert.equal(await cpu.devices.forOrder(5000), undefined);
    assert.deepEqual(cpu.tried, []);
    assert.equal(cpu.info().requested, 'cpu');
  });

  it('are refused without a trial if onnxruntime cannot be used', async () => {
    const onnxruntime = (): Promise<{ refused: string }> => Promise.resolve({ refused: 'not installed here' });
    const { devices, tried, info } = made({}, { onnxruntime });
    assert.equal(await devices.forOrder(2048), undefined);
    assert.deepEqual(tried, []);
    assert.deepEqual(info().refused, [
      { provider: 'cuda', reason: 'onnxruntime cannot be used' },
      { provider: 'webgpu', reason: 'onnxruntime cannot be used' },
    ]);
  });

  it('are tried once; the fastest is used, and why the others are not is known', async () => {
    const { devices, tried, opened, info, changes } = made({
      cuda: passed('cuda', 0.2),
      webgpu: passed('webgpu', 0.1),
    });
    const [first, second] = await Promise.all([devices.forOrder(2000), devices.forOrder(4000)]);
    assert.equal(first?.provider, 'webgpu');
    assert.equal(second, first);
    assert.equal(first.rate, 5e9);
    assert.equal(tried.length, 2);
    assert.equal(opened.length, 1);
    assert.equal(changes(), 1);
    assert.deepEqual(info(), {
      requested: 'auto',
      provider: 'webgpu',
      precision: 'float32×5',
      available: ['cuda', 'webgpu', 'cpu'],
      trying: false,
      timings: [
        { provider: 'cpu', seconds: 1 },
        { provider: 'cuda', seconds: 0.2 },
        { provider: 'webgpu', seconds: 0.1 },
      ],
      refused: [{ provider: 'cuda', reason: 'slower than webgpu' }],
      threads: 4,
    });
  });

  it('leave the work to the CPU where they are no faster', async () => {
    const { devices, info } = made({ cuda: passed('cuda', 0.9), webgpu: passed('webgpu', null) });
    assert.equal(await devices.forOrder(2000), undefined);
    assert.equal(info().provider, 'cpu');
    assert.deepEqual(
      info().refused.map(({ reason }) => reason),
      [
        'too slow: 0.900 s for a Gram matrix that takes the CPU 1.000 s',
        'too slow: some seconds for a Gram matrix that takes the CPU 1.000 s',
      ],
    );
  });

  it('are used however slow where they were asked for by name, for small matrices too', async () => {
    const { devices, tried } = made({ webgpu: passed('webgpu', null) }, { request: 'webgpu' });
    assert.equal((await devices.forOrder(400))?.provider, 'webgpu');
    assert.deepEqual(
      tried.map(({ provider }) => provider),
      ['webgpu'],
    );
    assert.ok(tried[0]!.limitMs > 8000);
  });

  it('refused in their trial, unknown to the platform or fatal before, are named with the reason', async () => {
    const refused = { cuda: { refused: 'no library' }, webgpu: { refused: 'no adapter' } };
    const { devices, info } = made(refused);
    assert.equal(await devices.forOrder(2000), undefined);
    assert.deepEqual(info().refused, [
      { provider: 'cuda', reason: 'no library' },
      { provider: 'webgpu', reason: 'no adapter' },
    ]);

    const elsewhere = made({}, { request: 'dml' });
    assert.equal(await elsewhere.devices.forOrder(2000), undefined);
    assert.match(elsewhere.info().refused[0]!.reason, /DirectML does not exist on this platform/);

    const fatal = made({ cuda: { refused: 'no library' } }, { died: 'webgpu' });
    assert.equal(await fatal.devices.forOrder(2000), undefined);
    assert.match(fatal.info().refused[0]!.reason, /died while it was in use/);
  });

  it('that cannot be opened after their trial leave the work to the next', async () => {
    const { devices, info } = made(
      { cuda: passed('cuda', 0.1), webgpu: passed('webgpu', 0.2) },
      {
        open: (provider) =>
          provider === 'cuda' ? Promise.reject(new Error('out of memory')) : Promise.resolve(new FakeDevice()),
      },
    );
    assert.equal((await devices.forOrder(2000))?.provider, 'webgpu');
    assert.match(info().refused[0]!.reason, /could not be opened: out of memory/);
  });

  it('lost in use are given up for good, released, and announced', async () => {
    const { devices, opened, info, changes } = made({ webgpu: passed('webgpu', 0.1), cuda: { refused: 'none' } });
    const device = (await devices.forOrder(2000))!;
    await devices.lost(device, new Error('device lost'));
    await devices.lost(device, new Error('device lost'));
    assert.equal(await devices.forOrder(2000), undefined);
    assert.equal(opened[0]!.released, 1);
    assert.equal(changes(), 2);
    assert.equal(info().provider, 'cpu');
    assert.match(info().refused.at(-1)!.reason, /failed while it was in use: device lost/);
  });

  it('begin the trial of a named one, and say so', async () => {
    const named = made({ webgpu: passed('webgpu', 0.1) }, { request: 'webgpu' });
    named.devices.beginNamed();
    assert.equal(named.info().trying, true);
    await named.devices.forOrder(2000);
    assert.equal(named.info().trying, false);
    const automatic = made({});
    automatic.devices.beginNamed();
    assert.deepEqual(automatic.tried, []);
  });

  it('are released at the end', async () => {
    const { devices, opened } = made({ webgpu: passed('webgpu', 0.1) }, { request: 'webgpu' });
    await devices.forOrder(2000);
    await devices.dispose();
    assert.equal(opened[0]!.released, 1);
    await made({}).devices.dispose();
  });
});

describe('providers', () => {
  it('are those of the platform', () => {
    assert.deepEqual(acceleratorsOf('linux'), ['cuda', 'webgpu']);
    assert.deepEqual(acceleratorsOf('win32'), ['dml', 'webgpu']);
    assert.deepEqual(acceleratorsOf('darwin'), ['coreml', 'webgpu']);
    assert.deepEqual(acceleratorsOf('aix'), []);
  });

  it('are told from other words', () => {
    assert.ok(isDeviceChoice('auto') && isDeviceChoice('cpu') && isDeviceChoice('coreml'));
    assert.ok(!isDeviceChoice('gpu') && !isDeviceChoice(''));
    assert.ok(isAccelerator('cuda') && !isAccelerator('cpu') && !isAccelerator('auto'));
  });
});
