/** Memory in messages, settings and options: a megabyte is 10⁶ bytes, as in all sizes that the page and the terminal show. */

export const MEGABYTE = 1e6;

/** Of memory that is needed: rounds up. */
export function neededMegabytes(bytes: number): string {
  return `${Math.ceil(bytes / MEGABYTE)} MB`;
}

/** Of memory that may be used: rounds down. */
export function usableMegabytes(bytes: number): string {
  return `${Math.floor(bytes / MEGABYTE)} MB`;
}

/** Follows `needs`. */
export function beyondLimit(bytes: number, limit: number): string {
  return `about ${neededMegabytes(bytes)} and all layers in work may use ${usableMegabytes(limit)}; raise the memory limit`;
}
