/** What a spectrum's plot is made of, and what moves with it. */
import type { ChosenTail } from '../../extension/shared/layerFindings';
import type { PowerLawFit } from '../../extension/shared/layers';
import type { JudgedAlpha } from '../../extension/shared/verdict';
import type { ChosenStart } from '../layer/layerPlace';
import type { Span } from './zoom/zoomView';

/** A tail as shown: where it starts and what follows from it. */
export interface Tail {
  /** Index of its first eigenvalue. */
  start: number;
  alpha: number;
  D: number;
}

export interface EsdInput {
  title: string;
  layer: string;
  /** λ ascending. */
  eigenvalues: Float64Array;
  /** The fits to choose from, the one shown first in front. */
  fits: PowerLawFit[];
  /** λ₊, the edge of the Marchenko–Pastur bulk. */
  edge: number | null;
  /** Aspect ratio N/M of the matrix, for the law of the bulk. */
  Q?: number;
  /**
   * What the KS fit's alpha says of the training, or that of a tail chosen by hand; absent where alpha is none that a verdict
   * is about (FARMS's).
   */
  judge?: (chosen?: ChosenTail) => JudgedAlpha | undefined;
  /** How the values were sampled, where they were. */
  sampling?: string;
  /** 95 % interval of alpha, where the values are a sample. */
  interval?: [number, number];
  /** How a person left this plot. */
  chosen?: ChosenStart | undefined;
  /** A person chose a rule or an xmin; null for the fit in front. */
  onChoose?: (chosen: ChosenStart | null) => void;
}

/** Another plot of the same tail. */
export interface TailFollower {
  /** @param fitted index of the first eigenvalue of the fit's own tail */
  show(fit: PowerLawFit, tail: Tail | null, fitted: number): void;
  /** All of λ that the axis has. */
  setDomain(domain: Span): void;
}
