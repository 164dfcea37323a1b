// A side that computes nothing: node fake-side.mjs '{ "behaviour", "checks", "milliseconds", "later", "log", "name" }'.
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const {
  behaviour = 'answers',
  checks = [3, 2, 1],
  milliseconds = 5,
  later = milliseconds,
  log,
  name,
} = JSON.parse(process.argv[2]);
const say = (answer) => console.log(JSON.stringify(answer));
const note = (what) => log && appendFileSync(log, `${name} ${what}\n`);

if (behaviour === 'dies at once') {
  console.error('first trouble\nno such module');
  process.exit(3);
}
if (behaviour === 'refuses') say({ error: 'a kernel is missing' });
if (behaviour === 'talks nonsense') say({ engine: 'fake', checks: ['three'] });
if (behaviour === 'prints') console.log('a library says hello\n{ not JSON');
note('started');
if (behaviour !== 'is silent')
  say({ engine: 'Fake 1.0', blas: 'fake BLAS', checks, warmUpMs: [100, 20, 6, milliseconds] });

let time = milliseconds;
for await (const line of createInterface({ input: process.stdin })) {
  note(line);
  if (behaviour === 'dies in a round') process.exit(4);
  const steps = Number(line.split(' ')[1]);
  say({ times: Array(behaviour === 'miscounts' ? steps + 1 : steps).fill(time) });
  time = later;
}
note('ended');
