/**
 * `target.cjs ADDON RESULT SAMPLES`: allocates one block after another at the leaf of a stack of JavaScript, builtin and native frames, and
 * writes how long each took, in nanoseconds, to RESULT.
 */
const { writeFileSync } = require('node:fs');

const [, , addonFile, resultFile, samples] = process.argv;
const timed = require(addonFile);
const BLOCK_BYTES = 20_011;
const WARM_UP = 2000;
const NEW_STACKS = 100;

/** A function that allocates at the end of a stack that has never run before: its code, and one native function, are its own. */
function newStack(number) {
  const source = `
    class Layer${number} {
      run(value) { return [value].map((each) => this.step(each))[0]; }
      step(value) { return call(() => decode(value)); }
    }
    const decode = (value) => [value].reduce((sum, each) => parse(each), 0);
    function parse(value) { return project(value); }
    function project(value) { return { get product() { return leaf(value); } }.product; }
    function leaf(value) { allocate(${BLOCK_BYTES}); return value; }
    return (value) => new Layer${number}().run(value);`;
  return new Function('allocate', 'call', source)(timed.allocate, timed.calls[number]);
}

/** From the event loop: what the module loader has on the stack is not the program's. */
function measure() {
  const first = newStack(0);
  first(1);
  const [firstNs] = timed.take();

  const fresh = Array.from({ length: NEW_STACKS }, (_, i) => newStack(i + 1));
  for (const stack of fresh) stack(1);
  const newCode = timed.take();

  for (const stack of fresh) {
    timed.evict();
    stack(1);
  }
  const evicted = timed.take();

  for (let i = 0; i < WARM_UP; i++) first(i);
  timed.take();
  for (let i = 0; i < Number(samples); i++) first(i);
  const warm = timed.take();

  writeFileSync(resultFile, JSON.stringify({ first: [firstNs], newCode, evicted, warm }));
}

setImmediate(measure);
