/** A share in percent, in the user's language. */
import * as vscode from 'vscode';

/** @param share 0.95 is "95%", or as the language has it */
export function percentText(
  share: number,
  digits: Pick<Intl.NumberFormatOptions, 'maximumFractionDigits' | 'maximumSignificantDigits'> = {
    maximumFractionDigits: 1,
  },
): string {
  return share.toLocaleString(vscode.env.language, { style: 'percent', ...digits });
}
