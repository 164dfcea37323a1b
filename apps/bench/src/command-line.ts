import { parseArgs } from 'node:util';
import type { ArgsDef } from 'citty';
import { check } from '@tfsci/tensor-core';

const WHERE = 'bench';

/**
 * Refuses what citty passes over in silence: options it does not know, options without their value, and arguments
 * where there should be none. All options take a value.
 *
 * @param rawArgs  what follows the command's name
 * @throws RangeError that names the argument
 */
export function refuseUnknown(command: string, rawArgs: string[], definitions: ArgsDef): void {
  const names = Object.keys(definitions).filter((name) => definitions[name]!.type !== 'positional');
  const takesArguments = names.length < Object.keys(definitions).length;
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { tokens } = parseArgs({ args: rawArgs, options, strict: false, tokens: true, allowPositionals: true });
  for (const token of tokens) {
    if (token.kind === 'positional' && !takesArguments) {
      throw new RangeError(`${WHERE}: ${command} must have no arguments, got ${token.value}.`);
    }
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    if (!rawName.startsWith('--') || !names.includes(name)) {
      const wanted = names.length > 0 ? `one of ${names.map((known) => `--${known}`).join(', ')}` : 'left out';
      throw new RangeError(`${WHERE}: an option of ${command} must be ${wanted}, got ${rawName}.`);
    }
    // An option that follows was hardly meant as the value of this one.
    const swallowed = inlineValue === false && value?.startsWith('-');
    if (value === undefined || value.trim() === '' || swallowed) {
      throw new RangeError(`${WHERE}: ${rawName} must be followed by a value, got ${value?.trim() || 'none'}.`);
    }
  }
}

/** Refuses anything but a command in the first place. @throws RangeError that names what stands there */
export function refuseUnknownCommand(rawArgs: string[], commands: string[]): void {
  const [name] = rawArgs;
  if (name !== undefined && commands.includes(name)) return;
  throw new RangeError(
    `${WHERE}: the command must be one of ${commands.join(', ')}, got ${name ?? 'none'}. See bench --help.`,
  );
}

/** A count from the text of an option. @throws RangeError unless it is an integer from 1 to `most` */
export function countFrom(option: string, text: string, most: number): number {
  const count = /^\d+$/.test(text.trim()) ? Number(text) : NaN;
  if (count >= 1 && count <= most) return count;
  throw new RangeError(check.argumentMessage(WHERE, option, `be an integer from 1 to ${most}`, text));
}

/** The parts of a list `a,b`, each once. @throws RangeError for one that is not allowed */
export function oneOrMoreOf<T extends string>(option: string, text: string, allowed: readonly T[]): T[] {
  const parts = text.split(',').map((part) => check.checkOneOf(WHERE, option, part.trim(), allowed));
  return [...new Set(parts)];
}
