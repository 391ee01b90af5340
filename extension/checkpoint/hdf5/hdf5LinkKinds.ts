/** What a name in an HDF5 group leads to. */

export type Link =
  /** A link to the object header at an address. */
  | { readonly name: string; readonly address: number }
  /** A link to a path in the same file, from its root or from the link's own group; the path need not exist. */
  | { readonly name: string; readonly path: string }
  /** A link to a place that is not looked at. */
  | { readonly name: string; readonly elsewhere: Elsewhere };

/** Why a link is not followed, in words, and what to do. */
export interface Elsewhere {
  readonly reason: string;
  readonly remedy: string;
}

export function nowhere(name: string): Link {
  return { name, elsewhere: { reason: 'has a link without an address', remedy: 'save the file anew' } };
}
