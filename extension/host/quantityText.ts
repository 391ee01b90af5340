/** Counts and sizes in the user's language. */
import * as vscode from 'vscode';

const UNITS = ['kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function localNumber(value: number): string {
  return value.toLocaleString(vscode.env.language);
}

/** Decimal units, as disks and downloads count them: `616 byte`, `1.2 GB`. */
export function sizeText(bytes: number): string {
  const step = bytes < 1000 ? 0 : Math.min(UNITS.length, Math.floor(Math.log10(bytes) / 3));
  const unit = step === 0 ? 'byte' : UNITS[step - 1]!;
  const style = { style: 'unit', unit, maximumSignificantDigits: 3 } as const;
  return (bytes / 1000 ** step).toLocaleString(vscode.env.language, style);
}

/** `6.74B`. */
export function compactNumber(value: number): string {
  return value.toLocaleString(vscode.env.language, { notation: 'compact', maximumSignificantDigits: 3 });
}
