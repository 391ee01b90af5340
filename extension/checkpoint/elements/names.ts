/**
 * How long a name may be: of a tensor with its group, of a class, a storage or a key of the metadata, in every format. Names come
 * from the file, and everything that shows, sorts, splits or searches them takes time by their length.
 */

/** In characters. The longest of real models have some 200; formats that have a limit of their own mostly have this one. */
export const MAX_NAME = 4096;

/** Characters that are shown of a name that is too long. */
const SHOWN = 80;

export function isLongName(name: string): boolean {
  return name.length > MAX_NAME;
}

/** What is wrong with a name longer than `MAX_NAME`, for a sentence that goes on or ends here. */
export function longName(name: string): string {
  return `the name "${name.slice(0, SHOWN)}…" has more than ${MAX_NAME} characters`;
}
