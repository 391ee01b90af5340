/** The lines of size against error, one an allocation, worked out in idle time: a slider is not to wait for them. */
import type { ErrorCurve } from '../plots/sizeErrorPlot';
import { ALLOCATION_LABELS } from './allocationLabels';
import type { OutOfReach } from './planInputs';
import { QUICK_ALLOCATIONS, type PlanLayers, type QuickAllocation } from './planLayers';
import type { PlanSettings } from './planSettings';

/** A line waits no longer than this for idle time. */
const LATEST_MS = 500;

/** Points of a line. */
const POINTS = 25;

export class CurveWork {
  /** Those that are known so far, in the order of the allocations. */
  lines: readonly ErrorCurve[] = [];
  private handle = 0;

  constructor(private readonly onLine: () => void) {}

  /**
   * Begins anew; the former lines go when the first new one is there.
   *
   * @param canBeAsked false for an allocation that lacks statistics: all its layers would stay dense
   */
  begin(
    layers: PlanLayers,
    settings: PlanSettings,
    out: OutOfReach,
    canBeAsked: (allocation: QuickAllocation) => boolean,
  ): void {
    this.stop();
    const waiting = QUICK_ALLOCATIONS.filter(canBeAsked);
    const done: ErrorCurve[] = [];
    const step = (): void => {
      const name = waiting.shift();
      if (name === undefined) return;
      const points = layers.curve(settings, name, POINTS, out);
      if (points.length > 0) done.push({ name, label: ALLOCATION_LABELS[name].label, points });
      this.lines = [...done];
      this.onLine();
      this.handle = requestIdleCallback(step, { timeout: LATEST_MS });
    };
    this.handle = requestIdleCallback(step, { timeout: LATEST_MS });
  }

  stop(): void {
    cancelIdleCallback(this.handle);
  }
}
