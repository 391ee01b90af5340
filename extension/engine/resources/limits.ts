/** How much of the machine the engine takes when no setting says otherwise. */

/** A quarter of the memory … */
const MEMORY_SHARE = 0.25;
/** … but never more than this: one layer of a large model fits, and the editor's machine stays usable. */
const MAX_MEMORY = 4 * 1024 ** 3;
/** Threads beyond this help a sweep little, because onnxruntime's products use all cores by themselves. */
const MAX_THREADS = 8;

export function defaultMemoryLimit(totalMemory: number): number {
  return Math.min(MAX_MEMORY, totalMemory * MEMORY_SHARE);
}

export function defaultThreads(cores: number): number {
  return Math.max(1, Math.min(MAX_THREADS, cores));
}
