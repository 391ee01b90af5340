/** Onnxruntime's execution providers: where each can exist, and in which arithmetic it is tried. */
import type { DeviceChoice, DeviceName } from '../../shared/devices';

/** A device beside the CPU. */
export type Accelerator = Exclude<DeviceName, 'cpu'>;

/** How a device multiplies Gram matrices: directly, or with numbers split into float32 slices (`splitGraph.ts`). */
export type DeviceArithmetic = 'float64' | 'split';

interface Provider {
  title: string;
  /** @see onnxruntime-node's README: operating systems with a built-in or separately installed library */
  platforms: readonly NodeJS.Platform[];
  /** WebGPU, DirectML and Core ML multiply no float64; on CUDA both are tried, because graphics cards are slow at it. */
  arithmetic: readonly DeviceArithmetic[];
}

/** In the order in which `auto` tries them. */
export const PROVIDERS: Readonly<Record<Accelerator, Provider>> = {
  cuda: { title: 'CUDA', platforms: ['linux'], arithmetic: ['float64', 'split'] },
  coreml: { title: 'Core ML', platforms: ['darwin'], arithmetic: ['split'] },
  dml: { title: 'DirectML', platforms: ['win32'], arithmetic: ['split'] },
  webgpu: { title: 'WebGPU', platforms: ['linux', 'win32', 'darwin'], arithmetic: ['split'] },
};

const ACCELERATORS = Object.keys(PROVIDERS) as Accelerator[];

export const DEVICE_CHOICES: readonly DeviceChoice[] = ['auto', 'cpu', ...ACCELERATORS];

export function isDeviceChoice(text: string): text is DeviceChoice {
  return (DEVICE_CHOICES as readonly string[]).includes(text);
}

export function isAccelerator(text: string): text is Accelerator {
  return (ACCELERATORS as readonly string[]).includes(text);
}

/** Devices beside the CPU that a platform can have. */
export function acceleratorsOf(platform: NodeJS.Platform): Accelerator[] {
  return ACCELERATORS.filter((name) => PROVIDERS[name].platforms.includes(platform));
}
