import { check } from '@tfsci/tensor-core';
import { checkEvent, type AccountantJson, type CompleteEvent } from '../privacy/privacy-event';

const { FormatError } = check;

const FORMAT = 'tfsci-privacy-budget-1';

/** What a store keeps of a budget. */
export interface BudgetRecord {
  epsilon: number;
  delta: number;
  accountant: AccountantJson;
}

/** A record as text. */
export function writeRecord({ epsilon, delta, accountant }: BudgetRecord): string {
  // JSON has no Infinity.
  const body = { format: FORMAT, epsilon: String(epsilon), delta, accountant };
  return JSON.stringify({ ...body, checksum: checksum(JSON.stringify(body)) });
}

/**
 * A record from its text.
 *
 * @throws FormatError when the text is truncated, damaged or no such record
 */
export function readRecord(where: string, text: string): BudgetRecord {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    throw refusal(where, 'text that is not JSON');
  }
  if (typeof record !== 'object' || record === null) throw refusal(where, 'JSON without a record');
  const { checksum: written, ...body } = record as Record<string, unknown>;
  if (body['format'] !== FORMAT) throw refusal(where, `the format ${JSON.stringify(body['format'] ?? null)}`);
  if (written !== checksum(JSON.stringify(body))) throw refusal(where, 'contents that differ from their checksum');
  const { epsilon, delta, accountant } = body as { epsilon: string; delta: number; accountant: AccountantJson };
  return { epsilon: Number(epsilon), delta, accountant: { ...accountant, events: events(where, accountant) } };
}

function events(where: string, { events: given, relation }: AccountantJson): CompleteEvent[] {
  try {
    return given.map((event) => checkEvent(where, event, relation));
  } catch (cause) {
    throw new FormatError(message(where, 'uses of the data that cannot be'), { cause });
  }
}

/** FNV-1a of 32 bits: a disk or a person that changes a figure is noticed, a forger is not. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

function refusal(where: string, what: string): Error {
  return new FormatError(message(where, what));
}

function message(where: string, what: string): string {
  const fix = 'What has been spent is unknown then: restore it, or count the data as spent.';
  return `${where}: the store must hold a budget (${FORMAT}), got ${what}. ${fix}`;
}
