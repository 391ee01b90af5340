/** A folder of hostile files, opened in Restricted Mode by somebody who only looks: nothing leaves, hangs or grows. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Bench } from '../fuzz/bench';
import { corporaOf, corpusFormats } from '../fuzz/corpus/corpora';
import { launchChromium, patientContext } from '../harness/chromium';
import { eventually } from '../harness/eventually';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { allowed, testLimit } from '../harness/machineSpeed';
import { repositoryRoot } from '../harness/shared';
import { startWorkbench } from '../harness/vscode';
import type { HostReport } from './hostileHost.main';

/** Special cases of each corpus: as many as a person's folder might hold. */
const CASES_EACH = 6;

/** Longest that the extension host's loop may be held up by our own work, on the reference machine. */
const STALL_MS = 200;

describe('a folder of hostile files in Restricted Mode', () => {
  let folder: string;
  let server: net.Server;
  let connections = 0;

  before(async () => {
    server = net.createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-hostile-'));
    lay(`https://127.0.0.1:${(server.address() as net.AddressInfo).port}`);
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function lay(origin: string): void {
    const matrix = (name: string) => ({ name, shape: [8, 6], values: uniform(48, 1) });
    writeSafetensors(path.join(folder, 'sound.safetensors'), [matrix('sound.layer.fc.weight')]);
    const opened = path.join(folder, 'opened');
    mkdirSync(opened);
    const markdown = `w\n\n![p](${origin}/p.png)\n\n[Repair](command:workbench.action.terminal.new)\n\n.evil.fc.weight`;
    writeSafetensors(path.join(opened, 'markdown.safetensors'), [matrix(markdown)]);
    writeSafetensors(path.join(opened, `![p](${origin.replaceAll('/', '')}).safetensors`), [
      matrix('$(bug).fc.weight'),
    ]);
    const header = Buffer.from(
      JSON.stringify({ ['a.'.repeat(20_000_000)]: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }),
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(path.join(opened, 'longName.safetensors'), Buffer.concat([length, header, Buffer.alloc(4)]));
    writeFileSync(path.join(opened, 'page.pt'), `<html><title>x</title><img src="${origin}/x.png"></html>`);
    writeFileSync(path.join(opened, 'empty.onnx'), '');
    if (process.platform !== 'win32') execFileSync('mkfifo', [path.join(folder, 'pipe.safetensors')]);
    for (const format of corpusFormats) {
      const special = corporaOf(format).flatMap(({ source, special: cases = [] }) =>
        cases.map((each) => ({ source, each })),
      );
      for (const [index, { source, each }] of special.slice(0, CASES_EACH).entries()) {
        const bench = new Bench(source, path.join(folder, 'corpus', `${format} ${index}`));
        bench.damage(each.file, each.bytes(bench.sound(each.file)), each.length);
      }
    }
    mkdirSync(path.join(folder, '.vscode'));
    const settings = { 'eigenscope.farms.rows': -4, 'eigenscope.farms.ops': {}, 'eigenscope.randomise': true };
    writeFileSync(path.join(folder, '.vscode', 'settings.json'), JSON.stringify(settings));
    writeFileSync(
      path.join(folder, 'train.py'),
      'a = s["evil.fc.weight"]\nb = s["sound.layer.fc.weight"]\nc = s["bug.fc.weight"]\n',
    );
  }

  /** Opens the folder in a window of its own, and does what `hostileHost.main.ts` does there. */
  async function lived(): Promise<HostReport> {
    const file = path.join(folder, '..', `${path.basename(folder)}.json`);
    const workbench = await startWorkbench({ trust: true, environment: { EIGENSCOPE_HOSTILE_REPORT: file } });
    const browser = await launchChromium();
    try {
      const page = await (await patientContext(browser)).newPage();
      const tests = path.join(repositoryRoot, 'dist/test/e2e/hostileHost.main.js');
      await page.goto(workbench.url({ folder, tests }));
      const text = await eventually(
        () => Promise.resolve(existsSync(file) ? readFileSync(file, 'utf8') : ''),
        (content) => content.endsWith('}'),
        testLimit(),
      );
      return JSON.parse(text) as HostReport;
    } finally {
      await browser.close();
      await workbench.stop();
      rmSync(file, { force: true });
    }
  }

  it('sends no request, does not hold up the host, and costs one engine at most', async () => {
    let report = await lived();
    console.log(`      ${JSON.stringify(report)}, ${connections} connections`);
    // What our own work holds up, it holds up each time: a busy neighbour on the same core does not.
    for (let again = 1; report.stallMs > allowed(STALL_MS) && again <= 2; again++) {
      const { stallMs } = await lived();
      console.log(`      and once more: ${stallMs.toFixed(0)} ms`);
      report = { ...report, stallMs: Math.min(report.stallMs, stallMs) };
    }
    assert.equal(report.error, undefined);
    assert.equal(report.trusted, false, 'the window is in Restricted Mode');
    assert.equal(report.rows, 2000, "the folder's settings do not count");
    assert.equal(connections, 0);
    assert.ok(report.soundIsKnown, 'the sound checkpoint is known to hovers');
    assert.equal(report.soundLayers, 1, 'and opens');
    assert.ok(report.editors >= 5);
    assert.ok(report.stallMs <= allowed(STALL_MS), `the host was held up for ${report.stallMs} ms`);
    assert.ok(report.engineDeaths <= 1, `${report.engineDeaths} engines died`);
    assert.ok(report.hostMegabytes <= 1000 && report.engineMegabytes <= 1000);
  });
});
