/** Records of where onnxruntime multiplies. */

/** The devices that onnxruntime can multiply on: its execution providers. */
export type DeviceName = 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';

/** The setting `eigenscope.device` and `--device`; `auto` takes the fastest that passes its trial. */
export type DeviceChoice = 'auto' | DeviceName;

/** What computes, as the status bar, the log and `inspect --json` show it. */
export interface DeviceInfo {
  requested: DeviceChoice;
  /** What multiplies the Gram matrices of large layers: a device, or `wasm` where onnxruntime does not or need not. */
  provider: string;
  /** Its arithmetic: `float64`, or `float32×5` where every number is split into five exactly multiplied slices. */
  precision: string;
  /** Devices that this platform can have. */
  available: DeviceName[];
  /** A trial is under way; the notification `device` tells of its end. */
  trying: boolean;
  /** What the trials measured: seconds for one and the same Gram matrix. */
  timings: { provider: DeviceName; seconds: number }[];
  /** Why others are not used, or no longer. */
  refused: { provider: DeviceName; reason: string }[];
  threads: number;
}
