/** Paired, interleaved rounds: a busy moment of the machine hits all sides alike. */

/**
 * Runs every side once a round, and says what each returned, round by round: `{ side: [result, ...] }`. Every other round goes through
 * the sides in the opposite order, so that what one leaves behind (a warm cache, a hot core) does not always meet the same neighbour.
 *
 * @param {Record<string, () => unknown>} sides may return promises
 * @param {{ rounds: number, warmUp?: number, limits?: Record<string, number> }} options `warmUp` rounds come first and are
 *   forgotten: they fill caches (none before a single round, which is a trial); `limits`: sides that are too slow for every round take part in the first ones only
 */
export async function interleave(sides, { rounds, warmUp = rounds > 1 ? 1 : 0, limits = {} }) {
  const names = Object.keys(sides);
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      if (round >= (limits[name] ?? rounds) || (round < 0 && name in limits)) continue;
      const result = await sides[name]();
      if (round >= 0) results[name].push(result);
    }
  }
  return results;
}
