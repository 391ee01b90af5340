/** Names in a checkpoint that lead out of its folder, to a file that is there: a reader must not follow them. */
import { OUTSIDE } from '../bench';

export const OUTSIDE_PATHS: readonly string[] = [
  `../${OUTSIDE}`,
  `./../${OUTSIDE}`,
  `x/../../${OUTSIDE}`,
  `..\\${OUTSIDE}`,
  `../0/../${OUTSIDE}`,
  '/etc/hosts',
  '//etc/hosts',
  'file:///etc/hosts',
  'C:\\Windows\\win.ini',
  '..',
  '../',
  `../${OUTSIDE}\0.bin`,
];
