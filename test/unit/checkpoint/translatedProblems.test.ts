/** What is wrong with a file, as a person reads it in another language: place, reason and remedy. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../extension/checkpoint/openModel';
import { l10n } from '../../../extension/shared/language/l10n';
import { problemText } from '../../../extension/shared/language/problemText';
import { readBundle } from '../../harness/language/sentences';
import { repositoryRoot } from '../../harness/shared';
import { temporaryFolder } from '../../harness/temporaryFolder';

const header = (length: number, json: string): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(length));
  return Buffer.concat([bytes, Buffer.from(json)]);
};

/** Files that people meet, and what is said of each in German behind its path. */
const FILES: readonly (readonly [name: string, bytes: Buffer | null, told: string])[] = [
  ['none.safetensors', null, ': gibt es nicht; prüfen Sie den Pfad'],
  ['empty.safetensors', Buffer.alloc(0), ': ist leer; laden Sie sie neu'],
  [
    'cut.safetensors',
    header(500, '{"a":'),
    ', byte 0: kündigt einen Kopf von 500 Bytes an, aber die Datei endet bei Byte 13; laden Sie sie neu',
  ],
  [
    'zeros.safetensors',
    Buffer.alloc(4096),
    ', byte 0: beginnt mit 4,096 Nullbytes: Dort wurde noch nichts geschrieben, wie bei einem abgebrochenen Download; laden Sie sie neu',
  ],
  [
    'pointer.safetensors',
    Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'),
    ': ist ein Git-LFS-Verweis auf eine Datei von 12,345 Bytes, nicht die Gewichte selbst; führen Sie „git lfs pull“ aus',
  ],
  [
    'page.bin',
    Buffer.from('<!DOCTYPE html><html><title>Sign in: now</title>'),
    ': ist eine Webseite („Sign in: now“), keine Gewichte: Ein Server hat sie anstelle der Datei geschickt; öffnen Sie sie als Text, um zu sehen, was der Server sagt, und laden Sie die Datei neu, wo nötig angemeldet',
  ],
  [
    'words.gguf',
    Buffer.from('Entry not found'),
    ': ist Text, keine Gewichte: Sie beginnt mit „Entry not found“; öffnen Sie sie als Text, um zu sehen, was darin steht, und laden Sie die Datei neu',
  ],
];

describe('problems of files in German', () => {
  before(() => l10n.useBundle(readBundle('media/l10n/bundle.l10n.de.json', repositoryRoot)));
  after(() => l10n.useBundle({}));

  for (const [name, bytes, told] of FILES) {
    it(name, async () => {
      const file = path.join(temporaryFolder(), name);
      if (bytes) writeFileSync(file, bytes);
      await assert.rejects(openModel(file), (error) => {
        assert.equal(problemText(error), `${file}${told}`);
        return true;
      });
    });
  }

  it('leaves English what it does not know, and the remedy is known all the same', () => {
    const error = Object.assign(new Error(), {
      toProblem: () => ({ code: 'malformed', message: '/a/b.pb, byte 7: has an odd field; fetch it again' }),
    });
    assert.equal(problemText(error), '/a/b.pb, byte 7: has an odd field; laden Sie sie neu');
  });
});
