/** The name that is proposed for a file of a tensor, a part of it, or its singular values. */
import type { ArrayContents } from '../elements';

/** Bytes of a name that every file system takes, with room for the ending. */
const MOST_CHARACTERS = 120;

export function arrayFileName(layer: string, contents: ArrayContents): string {
  const safe = layer.replace(/[^\w.-]+/g, '_').slice(-MOST_CHARACTERS);
  return `${safe}${suffixOf(contents)}.npy`;
}

function suffixOf(contents: ArrayContents): string {
  switch (contents.kind) {
    case 'tensor':
      return '';
    case 'singular-values':
      return '-sigma';
    case 'slice': {
      const { row, rows, col, cols } = contents.range;
      return `-rows${row}-${row + rows - 1}-columns${col}-${col + cols - 1}`;
    }
  }
}
