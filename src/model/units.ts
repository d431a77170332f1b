const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes as people read them, in powers of 1024: `0 B`, `999 B`, `1.5 KiB`, `310 MiB`, `-2.0 GiB`. Three digits at least matter. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return 'unknown';
  const sign = bytes < 0 ? '-' : '';
  let value = Math.abs(bytes);
  let unit = 0;
  // 1023.95 would print as 1024.0: the next unit reads better.
  while (value >= 1023.95 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${sign}${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** A count as people read it: `999`, `12,345`. Estimated counts are fractions; they are rounded. */
export function formatCount(count: number): string {
  // Not toLocaleString: its first call loads ICU data, 12 ms of every short run.
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A duration given in ns: `850 ns`, `12 µs`, `3.4 ms`, `12.0 s`, `3 min 20 s`. */
export function formatDuration(durationNs: bigint): string {
  const ns = Number(durationNs);
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 1e6) return `${Math.round(ns / 1e3)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(1)} ms`;
  if (ns < 120e9) return `${(ns / 1e9).toFixed(1)} s`;
  const seconds = Math.round(ns / 1e9);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
