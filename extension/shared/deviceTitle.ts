/** Devices in words. */
import type { DeviceName } from './devices';
import { l10n } from './language/l10n';

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
    return provider === undefined
      ? l10n.t('in {0}', arithmetic)
      : l10n.t('in {0} on the {1}', arithmetic, deviceTitle(provider));
  });
  return l10n.t(
    'computed {0}',
    [...new Set(ways)].reduce((some, way) => l10n.t('{0} and {1}', some, way)),
  );
}
