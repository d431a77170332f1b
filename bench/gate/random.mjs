/** Whole numbers from 0 to below the limit, the same ones each time for the same seed (Marsaglia's xorshift, 32 bits). */
export function randomNumbers(seed) {
  let state = seed === 0 ? 1 : seed >>> 0;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
