import * as tf from '@tensorflow/tfjs';
import { runCommand, runMain } from 'citty';
import colors from 'picocolors';
import { showUsage } from './command-line';
import { INTERRUPTED, main, Stopped } from './commands';

/** A message of this tree, `<where>: <what must be>`, tells a user enough; of any other error the stack is wanted. */
function fail(error: unknown): void {
  if (error instanceof Stopped) {
    console.error('\nStopped; what was finished is kept. Go on with the same command and --resume.');
    process.exitCode = INTERRUPTED;
    return;
  }
  const { message, stack } = error instanceof Error ? error : { message: String(error) };
  console.error(colors.red(/^\S+: /.test(message) ? message : (stack ?? message)));
  process.exitCode = 1;
}

// Without it the cpu backend advertises another package on its first use.
tf.enableProdMode();
const rawArgs = process.argv.slice(2);
if (rawArgs.some((arg) => arg === '--help' || arg === '-h')) await runMain(main, { showUsage });
else await runCommand(main, { rawArgs }).catch(fail);
