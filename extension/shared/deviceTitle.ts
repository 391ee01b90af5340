/** Devices in words. */
import type { DeviceName } from './devices';

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

/**
 * `computed in float64 on the CPU`.
 *
 * @param precision of a layer's result: an arithmetic and a provider, several with commas
 */
export function computedWords(precision: string): string {
  const ways = precision.split(', ').map((way) => {
    const [arithmetic = way, provider] = way.split(' ');
    return provider === undefined ? `in ${arithmetic}` : `in ${arithmetic} on the ${deviceTitle(provider)}`;
  });
  return `computed ${[...new Set(ways)].join(' and ')}`;
}
