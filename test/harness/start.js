// `npm start [-- PATH]`: all set-up, the report of a checkpoint in the terminal, then VS Code opened on it. Without
// PATH, the checkpoint is real trained weights from a devDependency.
const { existsSync, statSync } = require('node:fs');
const path = require('node:path');
const { ensureDependencies, findProgram, repositoryRoot, run, samplePath } = require('./setup');

/** An extension that opens the checkpoint once the window is there. */
const opener = path.join(__dirname, 'opener');

async function main() {
  // npm runs scripts in the package's folder; the path is meant from where the person stands.
  const [given] = process.argv.slice(2);
  const target = given ? path.resolve(process.env.INIT_CWD ?? process.cwd(), given) : samplePath;
  await ensureDependencies();
  if (!existsSync(target)) throw new Error(`${target} does not exist`);
  await run(process.execPath, ['esbuild.js']);
  await report(target);
  const folder = statSync(target).isDirectory() ? target : path.dirname(target);
  const code = findProgram('code');
  if (code) await openDesktop(code, folder, target);
  else await serveWorkbench(folder, target);
}

/** Status 1 says that some layers could not be analysed: they are in the report, and VS Code shows them, too. */
async function report(target) {
  const inspected = run(process.execPath, ['dist/cli.js', 'inspect', target]);
  await inspected.catch((error) => console.error(`${error.message}; VS Code opens all the same.`));
}

async function openDesktop(code, folder, target) {
  console.log(`Opening VS Code on ${target}`);
  const extensions = [repositoryRoot, opener].map((extension) => `--extensionDevelopmentPath=${extension}`);
  await run(code, [...extensions, '--new-window', folder], {
    env: { ...process.env, EIGENSCOPE_OPEN: target },
    shell: process.platform === 'win32',
  });
}

async function serveWorkbench(folder, target) {
  const { startWorkbench } = require('./vscode');
  const environment = { EIGENSCOPE_OPEN: target };
  const workbench = await startWorkbench({ environment, installed: [opener], linked: folder });
  console.log(`\nVS Code with Eigenscope: ${workbench.address}\nCtrl-C ends it.`);
  await workbench.ended;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
