/** The menu of a plot's pictures, and where they go: the page says how files are saved. */
import { l10n } from '../../../extension/shared/language/l10n';
import { visible } from '../../../extension/shared/visibleText';
import { showMenuBelow, type MenuItem } from '../../controls/popup';
import { pngOf, type Picture } from './picture';
import type { PictureTheme } from './pictureTheme';

export type PictureKind = 'svg' | 'png';

/** @param name of the file, without its ending */
export type PictureSaver = (name: string, kind: PictureKind, bytes: Uint8Array<ArrayBuffer>) => void;

const TYPES: Record<PictureKind, string> = { svg: 'image/svg+xml', png: 'image/png' };

/** Without an editor around it, the browser saves the file. */
const download: PictureSaver = (name, kind, bytes) => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes], { type: TYPES[kind] }));
  link.download = `${name}.${kind}`;
  link.click();
  // The download has its own reference by the next turn of the event loop.
  setTimeout(() => URL.revokeObjectURL(link.href));
};

let saver: PictureSaver = download;
let failed: (error: unknown) => void = (error) => {
  throw error;
};

/** @param onError hears why a picture could not be made */
export function savePicturesWith(save: PictureSaver, onError: (error: unknown) => void): void {
  saver = save;
  failed = onError;
}

/**
 * @param owner the button, below which the menu opens
 * @param draw makes the picture in the theme
 */
export function showPictures(owner: HTMLElement, fileName: string, draw: (theme: PictureTheme) => Picture): void {
  const save = async (kind: PictureKind, theme: PictureTheme): Promise<void> => {
    const picture = draw(theme);
    const bytes = kind === 'png' ? await pngOf(picture) : new TextEncoder().encode(picture.svg);
    saver(fileNameOf(fileName), kind, bytes as Uint8Array<ArrayBuffer>);
  };
  const item = (label: string, kind: PictureKind, theme: PictureTheme): MenuItem => {
    return { label, icon: 'save', run: () => void save(kind, theme).catch(failed) };
  };
  const items = [
    item(l10n.t('Save as SVG, Light…'), 'svg', 'light'),
    item(l10n.t('Save as SVG, Dark…'), 'svg', 'dark'),
    item(l10n.t('Save as PNG, Light…'), 'png', 'light'),
    item(l10n.t('Save as PNG, Dark…'), 'png', 'dark'),
  ];
  showMenuBelow(owner, items);
}

/** Longest part of a file name: 255 bytes is what file systems take for the whole. */
const MAX_NAME = 120;

/** Names of layers may hold anything. */
function fileNameOf(name: string): string {
  return visible(name)
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[.-]+/, '')
    .slice(-MAX_NAME);
}
