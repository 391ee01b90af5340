/** A stage of a layer, on the worker's side. What a call returns is a stage where it is one of these. */
export abstract class Stage {
  abstract readonly stage: string;
}
