/**
 * The one-sided Mann-Whitney test, exact also with ties: the probability that `now` ranks so high above `base`, or higher, if both came
 * from one distribution. Under that hypothesis each choice of which pooled values are `now`'s is equally likely; the choices are counted
 * by their rank sums (Mann & Whitney, Annals of Mathematical Statistics 18, 1947; ties as in Lehmann, Nonparametrics, 1975, chapter 1).
 * @returns between 1 / C(m + n, n) and 1; 1 where one side is empty.
 */
export function rankSumP(base: readonly number[], now: readonly number[]): number {
  if (base.length === 0 || now.length === 0) return 1;
  const ranks = doubledRanks([...base, ...now]);
  const observed = ranks.slice(base.length).reduce((sum, rank) => sum + rank, 0);
  const highest = ranks.reduce((sum, rank) => sum + rank, 0);
  // ways[k][sum]: the number of choices of k values that have this sum.
  const ways = Array.from({ length: now.length + 1 }, () => new Float64Array(highest + 1));
  const [none] = ways;
  if (none) none[0] = 1;
  for (const rank of ranks) {
    for (let k = now.length; k > 0; k--) {
      const [target, source] = [ways[k], ways[k - 1]];
      if (!target || !source) continue;
      for (let sum = rank; sum <= highest; sum++) target[sum] = (target[sum] ?? 0) + (source[sum - rank] ?? 0);
    }
  }
  const counts = ways[now.length] ?? new Float64Array();
  const count = (from: number): number => counts.subarray(from).reduce((sum, some) => sum + some, 0);
  return count(observed) / count(0);
}

/** The smallest p that so many runs can give: all of `now` above all of `base`. */
export function leastP(base: number, now: number): number {
  let choices = 1;
  for (let i = 1; i <= now; i++) choices = (choices * (base + i)) / i;
  return 1 / choices;
}

/** Ranks from 2 up in steps of 2, so that the middle of two tied ones is whole. */
function doubledRanks(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const rankOf = new Map<number, number>();
  for (let first = 0; first < sorted.length; ) {
    let next = first + 1;
    while (next < sorted.length && sorted[next] === sorted[first]) next++;
    rankOf.set(sorted[first] ?? 0, first + 1 + next);
    first = next;
  }
  return values.map((value) => rankOf.get(value) ?? 0);
}

/**
 * Which of several tests are significant together, at the level `alpha` for the family: the smallest p must be below alpha / m, the next
 * below alpha / (m - 1), and so on until one is not (Holm, Scandinavian Journal of Statistics 6, 1979).
 */
export function holm(ps: readonly number[], alpha: number): boolean[] {
  const order = ps.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const significant = ps.map(() => false);
  for (const [rank, { p, index }] of order.entries()) {
    if (p > alpha / (ps.length - rank)) break;
    significant[index] = true;
  }
  return significant;
}
