import { stripVTControlCharacters } from 'node:util';
import { renderUsage, runCommand, runMain, type ArgsDef, type CommandDef } from 'citty';
import colors from 'picocolors';
import { INTERRUPTED, main, Stopped } from './commands';

/** A message of this tree, `<where>: <what must be>`, tells a user enough; of any other error the stack is wanted. */
function fail(error: unknown): void {
  if (error instanceof Stopped) {
    console.error('Stopped.');
    process.exitCode = INTERRUPTED;
    return;
  }
  const { message, stack } = error instanceof Error ? error : { message: String(error) };
  console.error(colors.red(/^bench: /.test(message) ? message : (stack ?? message)));
  process.exitCode = 1;
}

/** Prints how a command is used, in colours where there is a terminal to show them. */
async function showUsage<T extends ArgsDef>(command: CommandDef<T>, parent?: CommandDef<T>): Promise<void> {
  const usage = await renderUsage(command, parent);
  console.log(process.stdout.isTTY ? usage : stripVTControlCharacters(usage).replace(/ +$/gm, ''));
}

const rawArgs = process.argv.slice(2);
if (rawArgs.some((arg) => arg === '--help' || arg === '-h')) await runMain(main, { showUsage });
else await runCommand(main, { rawArgs }).catch(fail);
