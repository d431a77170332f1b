const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 1 << 10, m: 1 << 20, g: 1 << 30 };

/**
 * A number of bytes as people write it: `65536`, `64k`, `64K`, `512KiB`, `1M`, `1.5MiB`. All units are powers of 1024.
 * @returns undefined for anything else.
 */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(digits) * (UNIT_BYTES[(unit ?? '').toLowerCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
