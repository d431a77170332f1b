/** `850 ms`, `12.4 s`, `3:20 min`: as exact as `stepSeconds` asks for. */
export function formatSeconds(seconds: number, stepSeconds = 0.1): string {
  if (seconds < 0) return `-${formatSeconds(-seconds, stepSeconds)}`;
  if (seconds >= 120) {
    const minutes = Math.floor(seconds / 60);
    const rest = Math.floor(seconds % 60);
    return `${minutes}:${String(rest).padStart(2, '0')} min`;
  }
  if (seconds > 0 && seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  const digits = stepSeconds >= 1 ? 0 : stepSeconds >= 0.1 ? 1 : 2;
  return `${seconds.toFixed(digits)} s`;
}
