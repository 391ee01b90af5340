/** Devices in words, for the status bar, the picker and the log. */
import { DEVICE_TITLES, deviceTitle } from '../shared/deviceTitle';
import type { DeviceInfo, DeviceName } from '../shared/devices';
import { counts } from '../shared/language/counts';
import { l10n } from '../shared/language/l10n';

/** One sentence: on what large layers are multiplied, how exactly, with how many threads. */
export function deviceSentence({ provider, precision, threads }: DeviceInfo): string {
  const title = deviceTitle(provider);
  const values = [precision, counts.threads(threads, threads)] as const;
  if (provider === 'wasm') {
    return l10n.t(
      'Eigenscope multiplies large layers on the CPU, by its own WASM kernels, in {0}, with {1}.',
      ...values,
    );
  }
  return title === DEVICE_TITLES.cpu
    ? l10n.t('Eigenscope multiplies large layers on the CPU, in {0}, with {1}.', ...values)
    : l10n.t('Eigenscope multiplies large layers on {2}, in {0}, with {1}.', ...values, title);
}

/** What is known about a device, in a sentence. */
export function trialText({ timings, refused, trying }: DeviceInfo, device: DeviceName): string {
  const reason = refused.find(({ provider }) => provider === device)?.reason;
  if (reason !== undefined) return l10n.t('Not used: {0}', reason);
  const seconds = timings.find(({ provider }) => provider === device)?.seconds;
  if (seconds !== undefined) return l10n.t('{0} s for the Gram matrix of a trial', seconds.toFixed(3));
  if (device === 'cpu') return l10n.t('Float64; always there.');
  return trying ? l10n.t('Being tried…') : l10n.t('Not tried yet.');
}
