/** A trial's process that behaves as its argument says: `crash`, `hang`, `exit` or a refusal. */
const [, , behaviour] = process.argv;

if (behaviour === 'crash') {
  process.stderr.write('loading the driver\nthe driver gave up\n', () => process.kill(process.pid, 'SIGKILL'));
} else if (behaviour === 'hang') setInterval(() => undefined, 1000);
else if (behaviour === 'exit') process.exit(3);
else process.send?.({ refused: `${behaviour ?? ''} is not here` });
