/** Where the plots inside an element keep how they were left. */
import type { ZoomMemory } from './zoomView';

const memories = new WeakMap<Element, ZoomMemory>();

/** Plots inside `root` are shown as they were left, from now on. */
export function keepZoomsWithin(root: Element, memory: ZoomMemory): void {
  memories.set(root, memory);
}

export function memoryAround(plot: Element): ZoomMemory | undefined {
  for (let at = plot.parentElement; at; at = at.parentElement) {
    const memory = memories.get(at);
    if (memory) return memory;
  }
  return undefined;
}
