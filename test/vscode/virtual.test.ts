import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { Inside } from '../../extension/host/main';
import { closeEditors, eigenscope, until } from './workspace';

/** One file of ten bytes, in a file system that hands out whole files, as all of them do that are not a disk. */
class WholeFiles implements vscode.FileSystemProvider {
  readonly onDidChangeFile = new vscode.EventEmitter<vscode.FileChangeEvent[]>().event;
  stat(): vscode.FileStat {
    return { type: vscode.FileType.File, ctime: 0, mtime: 0, size: 10 };
  }
  readFile(): Uint8Array {
    return new Uint8Array(10);
  }
  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }
  readonly readDirectory = refuse;
  readonly createDirectory = refuse;
  readonly writeFile = refuse;
  readonly delete = refuse;
  readonly rename = refuse;
}

function refuse(): never {
  throw vscode.FileSystemError.NoPermissions();
}

describe('a checkpoint in a virtual file system', () => {
  const uri = vscode.Uri.parse('wholefiles:/models/model.safetensors');
  const clear =
    /\/models\/model\.safetensors is in a virtual file system \(wholefiles\).*Save it to a disk.*Remote-SSH/;
  let api: Inside;
  let provider: vscode.Disposable;

  before(async () => {
    api = await eigenscope();
    provider = vscode.workspace.registerFileSystemProvider('wholefiles', new WholeFiles(), { isReadonly: true });
  });
  afterEach(closeEditors);
  after(() => void provider.dispose());

  it('says in its editor that it cannot be read there, and what to do', async () => {
    await vscode.commands.executeCommand('vscode.open', uri);
    const session = await until('a session', () => api.session(uri));
    await assert.rejects(session.summary(), clear);
    await assert.rejects(session.reload(), clear);
  });

  it('says so where it is to be inspected', async () => {
    await assert.rejects(async () => {
      await vscode.commands.executeCommand('eigenscope.inspectWeights', uri);
    }, clear);
  });
});
