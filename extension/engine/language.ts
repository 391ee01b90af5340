/**
 * The language of the engine's processes: the first module that they evaluate. The host names the file of translations
 * in the environment, which threads and child processes inherit. The terminal names none, and is English.
 */
import { readFileSync } from 'node:fs';
import { l10n, parseBundle } from '../shared/language/l10n';

const file = process.env.EIGENSCOPE_TRANSLATIONS;
if (file) l10n.useBundle(parseBundle(readFileSync(file, 'utf8')));
