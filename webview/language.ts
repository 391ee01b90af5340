/**
 * The page's language: the first module that it evaluates. The host writes the translations into the page as data, so
 * that they are there before the first sentence is.
 */
import { l10n, parseBundle } from '../extension/shared/language/l10n';
import { TRANSLATIONS_ID } from '../extension/shared/language/translationsElement';

const data = document.getElementById(TRANSLATIONS_ID)?.textContent;
if (data) l10n.useBundle(parseBundle(data));
