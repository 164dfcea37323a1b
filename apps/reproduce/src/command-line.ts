import { parseArgs, stripVTControlCharacters } from 'node:util';
import { renderUsage, type ArgsDef, type CommandDef } from 'citty';
import { check } from '@tfsci/tensor-core';

const WHERE = 'reproduce';

/**
 * Refuses what citty passes over in silence: options it does not know, options without their value, and
 * arguments where there should be none.
 *
 * @param rawArgs  what follows the command's name
 * @throws RangeError that names the argument
 */
export function refuseUnknown(command: string, rawArgs: string[], definitions: ArgsDef): void {
  const options: Record<string, { type: 'string' | 'boolean' }> = {};
  let takesArguments = false;
  for (const [name, { type }] of Object.entries(definitions)) {
    if (type === 'positional') takesArguments = true;
    else options[name] = { type: type === 'boolean' ? 'boolean' : 'string' };
  }
  const { tokens } = parseArgs({ args: rawArgs, options, strict: false, tokens: true, allowPositionals: true });
  for (const token of tokens) {
    if (token.kind === 'positional' && !takesArguments) {
      throw new RangeError(`${WHERE}: ${command} must have no arguments, got ${token.value}.`);
    }
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const type = rawName.startsWith('--') && Object.hasOwn(options, name) ? options[name]!.type : undefined;
    if (type === undefined) {
      const known = Object.keys(options).map((option) => `--${option}`);
      const wanted = known.length > 0 ? `one of ${known.join(', ')}` : 'left out';
      throw new RangeError(`${WHERE}: an option of ${command} must be ${wanted}, got ${rawName}.`);
    }
    // An option that follows was hardly meant as the value of this one.
    const swallowed = inlineValue === false && /^--?[a-z]/i.test(value ?? '');
    if (type === 'string' && (value === undefined || value.trim() === '' || swallowed)) {
      throw new RangeError(`${WHERE}: ${rawName} must be followed by a value, got ${value?.trim() || 'none'}.`);
    }
    if (type === 'boolean' && value !== undefined && value !== 'true' && value !== 'false') {
      throw new RangeError(`${WHERE}: ${rawName} must stand alone, got the value ${value}.`);
    }
  }
}

/** Refuses anything but a command in the first place. @throws RangeError that names what stands there */
export function refuseUnknownCommand(rawArgs: string[], commands: string[]): void {
  const [name] = rawArgs;
  if (name !== undefined && commands.includes(name)) return;
  throw new RangeError(
    `${WHERE}: the command must be one of ${commands.join(', ')}, got ${name ?? 'none'}. See reproduce --help.`,
  );
}

/** A seed from the text of an option. @throws RangeError unless it is an integer, 0 .. 2^32 - 1 */
export function seedFrom(text: string): number {
  const seed = /^\d+$/.test(text.trim()) ? Number(text) : NaN;
  if (seed < 2 ** 32) return seed;
  throw new RangeError(check.argumentMessage(WHERE, '--seed', 'be an integer from 0 to 4294967295', text));
}

/** Prints how a command is used, in colours where there is a terminal to show them. */
export async function showUsage<T extends ArgsDef>(command: CommandDef<T>, parent?: CommandDef<T>): Promise<void> {
  const usage = await renderUsage(command, parent);
  console.log(process.stdout.isTTY ? usage : stripVTControlCharacters(usage).replace(/ +$/gm, ''));
}
