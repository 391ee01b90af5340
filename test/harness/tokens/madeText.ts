/** Texts out of what tokenizers treat in ways of their own. */

/** What texts are made of: words, ends of lines, runs of spaces, numbers, signs, special tokens. */
const BITS = [
  ...[
    'the',
    'Once',
    'upon',
    'über',
    'Straße',
    'ΟΔΟΣ',
    'данные',
    '你好',
    '日本',
    '한국',
    'x',
    'e\u0301',
    '\u0301',
    '𝔘𝔫',
    'I',
  ],
  ...[
    ' ',
    ' ',
    ' ',
    ' ',
    ' ',
    ' ',
    '  ',
    '   ',
    '\t',
    '\u00a0',
    '\u0085',
    '\n',
    '\n',
    '\n',
    '\n',
    '\n\n',
    '\n\n\n',
    '\r\n',
  ],
  ...['1', '12', '12345', '.', ',', '!', '?', "'s", "'", '(', '};', '=>', '\n  ', ' \n', '!\n', '.\n\n', '🎉', '👩‍👩‍👧'],
  ...['<s>', '<|endoftext|>', '<|endoftext|>\n', '</s> ', '\u200d', '\ufeff'],
];

/** A text of at least `length` characters. */
export function madeText(random: () => number, length: number): string {
  let text = '';
  while (text.length < length) text += BITS[Math.floor(random() * BITS.length)]!;
  return text;
}
