/** Devices in words, for the status bar, the picker and the log. */
import type { DeviceInfo, DeviceName } from '../shared/devices';

export const DEVICE_TITLES: Readonly<Record<DeviceName, string>> = {
  cpu: 'CPU',
  webgpu: 'GPU (WebGPU)',
  cuda: 'GPU (CUDA)',
  dml: 'GPU (DirectML)',
  coreml: 'Core ML',
};

/** `CPU`, `GPU (CUDA)`. The WASM kernels run on the CPU, too. */
export function deviceTitle(provider: string): string {
  if (provider === 'wasm') return DEVICE_TITLES.cpu;
  return provider in DEVICE_TITLES ? DEVICE_TITLES[provider as DeviceName] : provider;
}

/** One sentence: on what large layers are multiplied, how exactly, with how many threads. */
export function deviceSentence({ provider, precision, threads }: DeviceInfo): string {
  const title = deviceTitle(provider);
  const device = provider === 'wasm' ? `the ${title}, by its own WASM kernels` : title === 'CPU' ? 'the CPU' : title;
  const workers = threads === 1 ? '1 thread' : `${threads} threads`;
  return `Eigenscope multiplies large layers on ${device}, in ${precision}, with ${workers}.`;
}

/** What is known about a device, in a sentence. */
export function trialText({ timings, refused, trying }: DeviceInfo, device: DeviceName): string {
  const reason = refused.find(({ provider }) => provider === device)?.reason;
  if (reason !== undefined) return `Not used: ${reason}`;
  const seconds = timings.find(({ provider }) => provider === device)?.seconds;
  if (seconds !== undefined) return `${seconds.toFixed(3)} s for the Gram matrix of a trial`;
  if (device === 'cpu') return 'Float64; always there.';
  return trying ? 'Being tried…' : 'Not tried yet.';
}
