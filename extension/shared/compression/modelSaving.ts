/** How the saving of a compressed model stands: the host keeps it, so that a tab that was hidden finds it again. */
import type { Problem } from '../tensors';
import type { LayoutName } from './layouts';
import type { RunResult } from './runs';

export type ModelSaving =
  | {
      readonly state: 'running';
      readonly target: string;
      /** 0 … 1. */
      readonly fraction: number;
      /** The layer or file in work. */
      readonly message: string;
      /** null before there is enough to tell. */
      readonly secondsLeft: number | null;
    }
  | { readonly state: 'done'; readonly target: string; readonly layout: LayoutName; readonly result: RunResult }
  /** By a person (`problem` is null) or by a problem; the same save goes on from what is done. */
  | { readonly state: 'stopped'; readonly target: string; readonly problem: Problem | null };
